package scim

import "strings"

// Addresses of schemas and messages (RFC 7643 §10, RFC 7644 §8).
const (
	userURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	listURN       = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	patchURN      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	configURN     = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	schemaURN     = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	resourceURN   = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	mostCharacter = 200
)

// attribute is one attribute of a resource (RFC 7643 §7).
type attribute struct {
	name, kind, text string // kind: string, boolean, complex, dateTime, reference
	multi            bool
	required         bool
	caseExact        bool
	readOnly         bool
	// derived: written once by a directory, and made here of something else.
	derived bool
	// always: returned whether asked for or not.
	always bool
	unique string // none, server, global
	values []string
	refers []string
	most   int // characters, mostCharacter if zero
	sub    []attribute
}

func (a attribute) length() int {
	if a.most == 0 {
		return mostCharacter
	}
	return a.most
}

// kindOf is what is known about a type of resource.
type kindOf struct {
	name, urn, endpoint, text string
	attributes                []attribute
	// others are attributes of the standard that are understood and not kept.
	others []string
}

func common() []attribute {
	return []attribute{
		{name: "schemas", kind: "reference", multi: true, caseExact: true, readOnly: true, always: true, refers: []string{"uri"}},
		{name: "id", kind: "string", caseExact: true, readOnly: true, always: true, unique: "server"},
		{name: "externalId", kind: "string", caseExact: true, most: 200},
		{name: "meta", kind: "complex", readOnly: true, sub: []attribute{
			{name: "resourceType", kind: "string", caseExact: true, readOnly: true}, {name: "created", kind: "dateTime", readOnly: true},
			{name: "lastModified", kind: "dateTime", readOnly: true}, {name: "location", kind: "reference", caseExact: true, readOnly: true, refers: []string{"uri"}},
			{name: "version", kind: "string", caseExact: true, readOnly: true},
		}},
	}
}

// userKind is the type User: what of RFC 7643 §4.1 is kept.
func userKind() kindOf {
	return kindOf{
		name: "User", urn: userURN, endpoint: "/Users", text: "A person who acts for the institution",
		attributes: append(common(),
			attribute{name: "userName", kind: "string", required: true, unique: "server", text: "The name by which the directory knows the user", most: 254},
			attribute{name: "name", kind: "complex", text: "The parts of the name", sub: []attribute{
				{name: "formatted", kind: "string", text: "The whole name"}, {name: "familyName", kind: "string", text: "The family name"},
				{name: "givenName", kind: "string", text: "The given name"},
			}},
			attribute{name: "displayName", kind: "string", text: "The name that people read"},
			attribute{name: "title", kind: "string", text: "The function"},
			attribute{name: "preferredLanguage", kind: "string", text: "The language of what is written to the user"},
			attribute{name: "locale", kind: "string", text: "The locale"},
			attribute{name: "active", kind: "boolean", text: "Whether the user may act"},
			attribute{name: "emails", kind: "complex", multi: true, text: "Addresses; the primary one is used", sub: []attribute{
				{name: "value", kind: "string", text: "The address", most: 254}, {name: "display", kind: "string", text: "The address as it is shown"},
				{name: "type", kind: "string", text: "What it is for", values: []string{"work", "home", "other"}, most: 40},
				{name: "primary", kind: "boolean", text: "Whether it is the one to use"},
			}},
			attribute{name: "groups", kind: "complex", multi: true, readOnly: true, text: "The groups that the user is in", sub: []attribute{
				{name: "value", kind: "string", caseExact: true, readOnly: true, text: "The id of the group"},
				{name: "$ref", kind: "reference", caseExact: true, readOnly: true, refers: []string{"Group"}, text: "The address of the group"},
				{name: "display", kind: "string", readOnly: true, text: "The name of the group"}, {name: "type", kind: "string", readOnly: true, values: []string{"direct"}, text: "How the user is in it"},
			}},
		),
		others: []string{"nickName", "profileUrl", "userType", "timezone", "password", "phoneNumbers", "ims", "photos", "addresses", "entitlements", "roles", "x509Certificates"},
	}
}

// groupKind is the type Group (RFC 7643 §4.2).
func groupKind() kindOf {
	return kindOf{
		name: "Group", urn: groupURN, endpoint: "/Groups", text: "A team, which gives its members its roles",
		attributes: append(common(),
			attribute{name: "displayName", kind: "string", required: true, text: "The name of the group"},
			attribute{name: "members", kind: "complex", multi: true, text: "The users in the group", sub: []attribute{
				{name: "value", kind: "string", caseExact: true, text: "The id of the user", most: 36},
				{name: "$ref", kind: "reference", caseExact: true, derived: true, refers: []string{"User"}, text: "The address of the user"},
				{name: "display", kind: "string", readOnly: true, text: "The name of the user"}, {name: "type", kind: "string", readOnly: true, values: []string{"User"}, text: "What the member is"},
			}},
		),
	}
}

// find gives the attribute of a name, in whatever case it is written (RFC 7643
// §2.1).
func find(attributes []attribute, name string) (attribute, bool) {
	for _, a := range attributes {
		if strings.EqualFold(a.name, name) {
			return a, true
		}
	}
	return attribute{}, false
}

// understood reports whether a name that is not kept belongs to the standard, or
// to an extension of it.
func (k kindOf) understood(name string) bool {
	if len(name) > 4 && strings.EqualFold(name[:4], "urn:") {
		return true
	}
	for _, other := range k.others {
		if strings.EqualFold(other, name) {
			return true
		}
	}
	return false
}

// within takes the address of the type's own schema off a name, which may be
// written with it (RFC 7644 §3.10).
func (k kindOf) within(name string) string {
	if len(name) > len(k.urn) && strings.EqualFold(name[:len(k.urn)], k.urn) && name[len(k.urn)] == ':' {
		return name[len(k.urn)+1:]
	}
	return name
}
