package main

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

const maxSummary = 60

var (
	lowerCamel    = regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)
	scopeName     = regexp.MustCompile(`^[a-z][a-z_.-]*:[a-z_-]+$`)
	purposeName   = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	staticSegment = regexp.MustCompile(`^(\.well-known|[a-z0-9]+(-[a-z0-9]+)*(\.(json|yaml))?)$`)
	paramSegment  = regexp.MustCompile(`^\{[a-z][a-z0-9]*(_[a-z0-9]+)*\}$`)

	rates         = []string{"default", "search", "bulk", "public-form", "oauth", "sign-in", "inbound"}
	idempotencies = []string{"required", "optional", "none"}
	// verbs are what may be done with a contact, each held apart from the others.
	verbs = []string{"see", "see_contact_points", "act", "edit", "merge", "delete", "export"}
	// irregularPlurals are collections whose plural does not end in s.
	irregularPlurals = []string{"data", "media", "people", "children"}
	// standardSegments are names of endpoints that a standard gives: RFC 7644 §3.2.
	standardSegments = []string{"Users", "Groups", "Schemas", "ResourceTypes", "ServiceProviderConfig", "Bulk", "Me", ".search"}
	// errorSchemas are what a refusal looks like, by media type: a problem (RFC
	// 9457), and the message of a standard that has its own (RFC 7644 §3.12).
	errorSchemas = map[string]string{
		"application/problem+json": "#/components/schemas/Problem",
		"application/scim+json":    "#/components/schemas/ScimError",
	}
)

// name tells a reader which operation is meant.
func (op *operation) name() string {
	if op.id != "" {
		return op.id
	}
	return strings.ToUpper(op.method) + " " + op.path
}

func (c *contract) checkOperations() {
	owners := map[string]*operation{}
	paths := map[string]bool{}
	for _, op := range c.operations {
		report := func(format string, args ...any) {
			c.violations.addf(op.file, op.node.Line, op.name(), format, args...)
		}
		c.checkIdentity(op, owners, report)
		c.checkBodyExamples(op, report)
		if op.webhook {
			continue
		}
		if op.file == rootFile || op.file == sharedFile {
			report("operations belong in the file of a domain")
		}
		if !paths[op.path] {
			paths[op.path] = true
			checkPath(op.path, report)
		}
		c.checkSecurity(op, report)
		checkTraits(op, report)
		c.checkResponses(op, report)
	}
}

type reporter func(format string, args ...any)

func (c *contract) checkIdentity(op *operation, owners map[string]*operation, report reporter) {
	switch other := owners[goName(op.id)]; {
	case op.id == "":
		report("has no operationId")
	case !lowerCamel.MatchString(op.id):
		report("operationId is not lowerCamel")
	case other != nil:
		report("operationId is already that of %s %s in %s", strings.ToUpper(other.method), other.path, other.file)
	default:
		owners[goName(op.id)] = op
	}
	if tags := texts(get(op.node, "tags")); len(tags) != 1 {
		report("has %d tags and not exactly one", len(tags))
	}
	switch summary := text(op.node, "summary"); {
	case summary == "":
		report("has no summary")
	case utf8.RuneCountInString(summary) > maxSummary:
		report("summary is %d characters long, %d are allowed", utf8.RuneCountInString(summary), maxSummary)
	}
	if text(op.node, "description") == "" {
		report("has no description")
	}
}

func checkPath(path string, report reporter) {
	if strings.Contains(path, ":") {
		report("path contains a colon, which echo cannot route")
	}
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, segment := range segments {
		switch {
		case paramSegment.MatchString(segment):
			if i > 0 {
				checkPlural(segments[i-1], report)
			}
		case !staticSegment.MatchString(segment) && !slices.Contains(standardSegments, segment):
			report("path segment %q is neither kebab-case nor {snake_case}", segment)
		}
	}
}

// checkPlural looks at the segment before a parameter, which names a
// collection, unless it says by what the item is found (by-external-id).
func checkPlural(segment string, report reporter) {
	if !staticSegment.MatchString(segment) || strings.HasPrefix(segment, "by-") || strings.HasSuffix(segment, "s") {
		return
	}
	words := strings.Split(segment, "-")
	if !slices.Contains(irregularPlurals, words[len(words)-1]) {
		report("path segment %q names a collection and is not plural", segment)
	}
}

func (c *contract) checkSecurity(op *operation, report reporter) {
	scopes := texts(get(op.node, "x-scopes"))
	for _, scope := range scopes {
		if !scopeName.MatchString(scope) {
			report("x-scopes has %q, which is not resource:action", scope)
		}
	}
	security := get(op.node, "security")
	switch {
	case security == nil || security.Kind != yaml.SequenceNode:
		report("has no security; a public operation says security: []")
		return
	case isPublic(op):
		if len(scopes) > 0 {
			report("is public and has x-scopes")
		}
		return
	case len(scopes) == 0:
		report("has no x-scopes")
	}
	var primary []string
	for _, requirement := range items(security) {
		if len(requirement.Content) == 0 {
			report("security allows no credential beside some: an operation is public or it is not")
		}
		for scheme, names := range pairs(requirement) {
			if get(c.doc, "components", "securitySchemes", scheme.Value) == nil {
				report("security scheme %q is not declared", scheme.Value)
			}
			primary = append(primary, texts(names)...)
		}
	}
	slices.Sort(primary)
	primary = slices.Compact(primary)
	switch {
	case len(primary) > 1:
		report("security has more than one primary scope: %s", strings.Join(primary, ", "))
	case len(primary) == 1 && len(scopes) > 0 && primary[0] != scopes[0]:
		report("security asks for %s and x-scopes begins with %s", primary[0], scopes[0])
	}
}

func checkTraits(op *operation, report reporter) {
	oneOf := func(name string, allowed []string) {
		if value := text(op.node, name); !slices.Contains(allowed, value) {
			report("%s is %q and not one of %s", name, value, strings.Join(allowed, ", "))
		}
	}
	oneOf("x-rate", rates)
	writes := slices.Contains([]string{"post", "put", "patch", "delete"}, op.method)
	if writes || get(op.node, "x-idempotency") != nil {
		oneOf("x-idempotency", idempotencies)
	}
	if !purposeName.MatchString(text(op.node, "x-purpose")) {
		report("has no x-purpose: identifiable, none, …")
	}
	checkReadsOnly(op, report)
	if get(op.node, "x-batch") != nil && get(get(op.node, "responses"), "207") == nil {
		report("has x-batch and no answer 207 with a result for each item")
	}
	checkVerbs(op, report)
}

// checkReadsOnly wants the word of the contract for it that a post changes
// nothing: what its body names is then looked for, not written.
func checkReadsOnly(op *operation, report reporter) {
	node := get(op.node, "x-reads-only")
	search := op.method == "post" && strings.HasSuffix(op.path, "/search")
	switch {
	case node == nil:
		if search {
			report("is a search and has no x-reads-only")
		}
	case !isTrue(node):
		report("x-reads-only is true or left out")
	case op.method != "post":
		report("x-reads-only is said of a post")
	case text(op.node, "x-idempotency") != "none":
		report("is x-reads-only and takes an Idempotency-Key")
	case get(op.node, "x-event-types") != nil:
		report("is x-reads-only and records events")
	}
}

// checkVerbs wants to know what the operation does with contacts wherever it
// answers with data of identifiable people.
func checkVerbs(op *operation, report reporter) {
	node := get(op.node, "x-verb")
	switch {
	case isPublic(op):
		if node != nil {
			report("is public and has x-verb: there is no principal to hold it")
		}
	case node == nil:
		if text(op.node, "x-purpose") == "identifiable" {
			report("answers with identifiable data and has no x-verb: one or more of %s", strings.Join(verbs, ", "))
		}
	case node.Kind != yaml.SequenceNode || len(node.Content) == 0:
		report("x-verb is not a list of verbs")
	}
	for _, verb := range texts(node) {
		if !slices.Contains(verbs, verb) {
			report("x-verb has %q, which is not one of %s", verb, strings.Join(verbs, ", "))
		}
	}
}

func (c *contract) checkResponses(op *operation, report reporter) {
	if status, _, _ := c.success(op); status == 0 {
		report("has no 2xx response")
	}
	fallback := get(op.node, "responses", "default")
	if fallback == nil {
		report("has no default response")
		return
	}
	for _, m := range c.media(pointer(op.pointer, "responses", "default"), fallback) {
		if m.schemaAt != "" && errorSchemas[m.name] == m.schemaAt {
			return
		}
	}
	report("default response is not the shared Problem")
}

// checkBodyExamples wants one example of what is sent and one of what comes
// back, so that nobody has to guess and the mock server has something to say.
func (c *contract) checkBodyExamples(op *operation, report reporter) {
	if bodies := jsonOnly(c.requestMedia(op)); len(bodies) > 0 && !slices.ContainsFunc(bodies, c.hasExample) {
		report("has no example of its request body")
	}
	_, at, response := c.success(op)
	if bodies := jsonOnly(c.media(at, response)); len(bodies) > 0 && !slices.ContainsFunc(bodies, c.hasExample) {
		report("has no example of its response")
	}
}

func jsonOnly(media []medium) []medium {
	return slices.DeleteFunc(media, func(m medium) bool { return !isJSON(m.name) })
}

func (c *contract) hasExample(m medium) bool { return len(c.examples(m)) > 0 }
