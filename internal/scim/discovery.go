package scim

import "context"

// configuration is what the service can do (RFC 7643 §5).
func configuration(ctx context.Context) map[string]any {
	yes, no := map[string]any{"supported": true}, map[string]any{"supported": false}
	return map[string]any{
		"schemas": []string{configURN}, "patch": yes, "changePassword": no, "sort": yes, "etag": yes,
		"bulk":   map[string]any{"supported": true, "maxOperations": mostBulk, "maxPayloadSize": largestBulk},
		"filter": map[string]any{"supported": true, "maxResults": mostResults},
		"authenticationSchemes": []any{map[string]any{
			"type": "oauthbearertoken", "name": "Bearer", "description": "A key of this interface, or an access token of its own, with the scope scim:manage (RFC 6750)", "primary": true,
			"specUri": "https://www.rfc-editor.org/info/rfc6750",
		}},
		"meta": discoveryMeta(ctx, "ServiceProviderConfig", "/ServiceProviderConfig"),
	}
}

func discoveryMeta(ctx context.Context, kind, at string) map[string]any {
	return map[string]any{"resourceType": kind, "location": trimID(locationOf(ctx, at, ""))}
}

func trimID(location string) string { return location[:len(location)-1] }

func kinds() []kindOf { return []kindOf{userKind(), groupKind()} }

// resourceType describes a type (RFC 7643 §6).
func (k kindOf) resourceType(ctx context.Context) map[string]any {
	return map[string]any{
		"schemas": []string{resourceURN}, "id": k.name, "name": k.name, "description": k.text, "endpoint": k.endpoint, "schema": k.urn,
		"meta": discoveryMeta(ctx, "ResourceType", "/ResourceTypes/"+k.name),
	}
}

// schema describes the attributes of a type (RFC 7643 §7). What every resource
// has is not repeated in it.
func (k kindOf) schema(ctx context.Context) map[string]any {
	own := make([]any, 0, len(k.attributes))
	for _, a := range k.attributes[len(common()):] {
		own = append(own, a.described())
	}
	return map[string]any{
		"schemas": []string{schemaURN}, "id": k.urn, "name": k.name, "description": k.text, "attributes": own,
		"meta": discoveryMeta(ctx, "Schema", "/Schemas/"+k.urn),
	}
}

func (a attribute) described() map[string]any {
	mutability, returned, unique := "readWrite", "default", "none"
	if a.readOnly {
		mutability = "readOnly"
	}
	if a.derived {
		mutability = "immutable"
	}
	if a.always {
		returned = "always"
	}
	if a.unique != "" {
		unique = a.unique
	}
	out := map[string]any{
		"name": a.name, "type": a.kind, "multiValued": a.multi, "description": a.text, "required": a.required, "mutability": mutability, "returned": returned,
	}
	if a.kind == "string" || a.kind == "reference" {
		out["caseExact"], out["uniqueness"] = a.caseExact, unique
	}
	if a.values != nil {
		out["canonicalValues"] = a.values
	}
	if a.refers != nil {
		out["referenceTypes"] = a.refers
	}
	if a.sub != nil {
		subs := make([]any, len(a.sub))
		for i, s := range a.sub {
			subs[i] = s.described()
		}
		out["subAttributes"] = subs
	}
	return out
}
