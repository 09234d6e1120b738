package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryRuleIsReported(t *testing.T) {
	t.Parallel()
	for _, rule := range []struct{ file, old, replacement, want string }{
		// The bundle.
		{"api.yaml", "openapi: 3.1.0", "openapi: 3.0.3", "openapi is \"3.0.3\" and not 3.1.0"},
		{"contacts.yaml", "common.yaml#/components/parameters/Limit", "commun.yaml#/components/parameters/Limit", "names a file that is not there"},
		{"contacts.yaml", "common.yaml#/components/parameters/Limit", "common.yaml#/components/parameters/Limits", "leads nowhere"},
		{"contacts.yaml", "common.yaml#/components/parameters/Limit", "./common.yaml#/components/parameters/Limit", "does not have the form"},
		{"contacts.yaml", "'#/components/schemas/ContactList'", "'#/components/schemas/Booking'", "leads nowhere"},
		{"bookings.yaml", "    Booking:\n", "    Contact:\n", `schema "Contact" is already in contacts.yaml`},
		{"bookings.yaml", "/v1/public/bookings:", "/v1/contacts:", `path "/v1/contacts" is already in contacts.yaml`},
		{"common.yaml", "    Failure:\n", "    Contact:\n", "names are unique over all kinds"},
		{"contacts.yaml", "    ContactPatch:\n", "    OperationSpec:\n", "names something in both the operation table and schemas"},
		{"bookings.yaml", "paths:\n", "info: {}\npaths:\n", `"info" belongs in api.yaml`},
		{"bookings.yaml", "components:\n", "components:\n  pathItems: {}\n", "components.pathItems is not used in this contract"},
		// Every object.
		{"bookings.yaml", "id: {type: string, format: uuid}\n        contact:", "id: {type: string, readOnly: true}\n        contact:", "readOnly is not enforced"},
		{"contacts.yaml", "{type: string, const: contact}", "{const: contact}", "const without a type"},
		{"bookings.yaml", "x-purpose: none", "x-purpose: none\n      x-rates: default", `extension "x-rates" is not one of ours`},
		{"contacts.yaml", "{type: string, const: contact}", "{type: string, const: contact, x-field-class: identiy}", `x-field-class "identiy" is not one of`},
		{"contacts.yaml", "{type: string, const: contact}", "{type: string, const: contact, x-field-class: [civil, civil]}", "x-field-class names civil twice"},
		{"contacts.yaml", "{type: string, const: contact}", "{type: string, const: contact, x-field-class: []}", "x-field-class names no class"},
		{"bookings.yaml", "x-rate: public-form", "x-rate: public-form\n      x-reads-only: true", "is x-reads-only and takes an Idempotency-Key"},
		{"bookings.yaml", "x-rate: public-form", "x-rate: public-form\n      x-reads-only: false", "x-reads-only is true or left out"},
		{"contacts.yaml", "x-scopes: ['contacts:write']", "x-scopes: ['contacts:write']\n      x-reads-only: true", "x-reads-only is said of a post"},
		{"bookings.yaml", "/v1/public/bookings:", "/v1/public/bookings/search:", "is a search and has no x-reads-only"},
		{"bookings.yaml", "x-rate: public-form", "x-rate: public-form\n      x-batch: items", "has x-batch and no answer 207"},
		// Tags.
		{"api.yaml", "    description: What was said.\n", "", `tag "Notes" has no description`},
		{"api.yaml", "name: Notes", "name: notes", `tag "notes" is not in Title Case`},
		{"api.yaml", "name: Notes", "name: Contacts", `tag "Contacts" is declared twice`},
		{"contacts.yaml", "tags: [Notes]", "tags: [Remarks]", `getNotesByContactId: tag "Remarks" is not declared`},
		// Identity of an operation.
		{"bookings.yaml", "      operationId: createBooking\n", "", "POST /v1/public/bookings: has no operationId"},
		{"bookings.yaml", "operationId: createBooking", "operationId: CreateBooking", "operationId is not lowerCamel"},
		{"bookings.yaml", "operationId: createBooking", "operationId: listContacts", "operationId is already that of"},
		{"contacts.yaml", "tags: [Notes]", "tags: [Notes, Contacts]", "has 2 tags and not exactly one"},
		{"contacts.yaml", "      tags: [Notes]\n", "", "has 0 tags and not exactly one"},
		{"contacts.yaml", "      summary: List contacts\n", "", "listContacts: has no summary"},
		{"contacts.yaml", "summary: List contacts", "summary: " + strings.Repeat("é", 61), "summary is 61 characters long"},
		{"contacts.yaml", "      description: Newest first.\n", "", "listContacts: has no description"},
		{"contacts.yaml", "      description: Sent after the fact.\n", "", "onContactUpdated: has no description"},
		// Paths.
		{"bookings.yaml", "/v1/public/bookings:", "/v1/public/bookings:take:", "path contains a colon"},
		{"bookings.yaml", "/v1/public/bookings:", "/v1/public/Bookings:", `path segment "Bookings" is neither kebab-case`},
		{"contacts.yaml", "/v1/contacts/{contact_id}:", "/v1/contacts/{contactId}:", `path segment "{contactId}" is neither`},
		{"contacts.yaml", "/v1/contacts/{contact_id}:", "/v1/contact/{contact_id}:", `"contact" names a collection and is not plural`},
		// Security and traits.
		{"bookings.yaml", "      security: []\n", "", "has no security"},
		{"bookings.yaml", "      security: []\n", "      security: [{}]\n", "an operation is public or it is not"},
		{"bookings.yaml", "security: []", "security: []\n      x-scopes: ['bookings:write']", "is public and has x-scopes"},
		{"contacts.yaml", "      x-scopes: ['contacts:write']\n", "", "updateContact: has no x-scopes"},
		{"contacts.yaml", "x-scopes: ['contacts:write']", "x-scopes: ['contacts:merge']", "asks for contacts:write and x-scopes begins with contacts:merge"},
		{"contacts.yaml", "x-scopes: ['contacts:write']", "x-scopes: [contacts]", `"contacts", which is not resource:action`},
		{"contacts.yaml", "[{bearer: ['contacts:write']}]", "[{bearer: ['contacts:write', 'contacts:merge']}]", "more than one primary scope: contacts:merge, contacts:write"},
		{"contacts.yaml", "[{bearer: ['contacts:write']}]", "[{beerer: ['contacts:write']}]", `security scheme "beerer" is not declared`},
		{"bookings.yaml", "x-rate: public-form", "x-rate: slow", `x-rate is "slow"`},
		{"bookings.yaml", "      x-rate: public-form\n", "", `x-rate is ""`},
		{"bookings.yaml", "      x-idempotency: optional\n", "", `x-idempotency is ""`},
		{"bookings.yaml", "      x-purpose: none\n", "", "has no x-purpose"},
		{"bookings.yaml", "x-purpose: none", "x-purpose: none\n      x-verb: [see]", "is public and has x-verb"},
		{"contacts.yaml", "      x-verb: [edit]\n", "", "answers with identifiable data and has no x-verb"},
		{"contacts.yaml", "x-verb: [edit]", "x-verb: [fly]", `x-verb has "fly"`},
		{"contacts.yaml", "x-verb: [edit]", "x-verb: edit", "x-verb is not a list of verbs"},
		// Responses and examples.
		{"bookings.yaml", "'201':", "'301':", "has no 2xx response"},
		{"bookings.yaml", "        default: {$ref: 'common.yaml#/components/responses/Failure'}\n", "", "has no default response"},
		{"common.yaml", "application/problem+json", "application/json", "default response is not the shared Problem"},
		{"common.yaml", "{$ref: '#/components/schemas/Problem'}", "{type: object}", "default response is not the shared Problem"},
		{"contacts.yaml", "            examples:\n              rename: {value: {name: Ada}}\n", "", "updateContact: has no example of its request body"},
		{"contacts.yaml", "      example: {data: [], next_cursor: null}\n", "", "listContacts: has no example of its response"},
		// What clients send.
		{"contacts.yaml", "[string, 'null'], maxLength: 200", "[string, 'null']", "ContactPatch: property name is a string without maxLength"},
		{"contacts.yaml", "      additionalProperties: false\n", "", "ContactPatch: schema is an object without additionalProperties: false"},
		{"contacts.yaml", "      additionalProperties: false\n", "      additionalProperties: true\n", "ContactPatch: schema is an object without additionalProperties: false"},
		{"bookings.yaml", "          maxItems: 10\n", "", "BookingCreate: property seats is an array without maxItems"},
		{"bookings.yaml", "items: {type: string, maxLength: 8}", "items: {type: integer, minimum: 1}", "property seats item is an integer without minimum and maximum"},
		{"bookings.yaml", "format: date}", "format: email}", "BookingCreate: property on is a string without maxLength"},
		{"bookings.yaml", "contact_id: {type: string, format: uuid}", "contact_id: {$ref: 'contacts.yaml#/components/schemas/Contact'}", "Contact: schema is an object without additionalProperties: false"},
		{"contacts.yaml", "            maxItems: 5\n", "", "query parameter status is an array without maxItems"},
	} {
		t.Run(rule.want, func(t *testing.T) {
			t.Parallel()
			root := theatre(t)
			spoil(t, root, rule.file, rule.old, rule.replacement)
			_, err := loadContract(filepath.Join(root, "api"))
			require.ErrorContains(t, err, rule.want)
			_, err = os.Stat(filepath.Join(root, "openapi.yaml"))
			require.ErrorIs(t, err, os.ErrNotExist)
		})
	}
}

func TestWhatIsAllowed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct{ file, old, replacement string }{
		"a property may bear the name of an extension": {"bookings.yaml", "        comment:", "        x-comment:"},
		"a property may be called const":               {"bookings.yaml", "        comment:", "        const:"},
		"a property may be called readOnly":            {"bookings.yaml", "        comment:", "        readOnly:"},
		"typed additional properties":                  {"contacts.yaml", "additionalProperties: false", "additionalProperties: {type: string, maxLength: 10}"},
		"composition closed by its parent": {
			"contacts.yaml", "      additionalProperties: false\n      properties:\n        name: {type: [string, 'null'], maxLength: 200}",
			"      unevaluatedProperties: false\n      allOf:\n        - properties:\n            name: {type: string, maxLength: 200}",
		},
		"data may look like a reference": {"contacts.yaml", "rename: {value: {name: Ada}}", "rename: {value: {name: Ada, $ref: elsewhere}}"},
		"an item found by another key":   {"contacts.yaml", "/v1/contacts/{contact_id}:", "/v1/contacts/by-code/{contact_id}:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := theatre(t)
			spoil(t, root, change.file, change.old, change.replacement)
			_, err := loadContract(filepath.Join(root, "api"))
			require.NoError(t, err)
		})
	}
}

func TestAllViolationsAreReportedAtOnceAndSorted(t *testing.T) {
	t.Parallel()
	root := theatre(t)
	spoil(t, root, "contacts.yaml", "      summary: List contacts\n", "")
	spoil(t, root, "contacts.yaml", "tags: [Notes]", "tags: []")
	spoil(t, root, "bookings.yaml", "      x-purpose: none\n", "")
	_, err := loadContract(filepath.Join(root, "api"))
	require.EqualError(t, err, strings.Join([]string{
		"api/bookings.yaml:4: createBooking: has no x-purpose: identifiable, none, …",
		"api/contacts.yaml:4: listContacts: has no summary",
		"api/contacts.yaml:70: getNotesByContactId: has 0 tags and not exactly one",
		"3 violations of the contract's rules",
	}, "\n"))
}

func TestRefusesYAMLThatReadersDisagreeOn(t *testing.T) {
	t.Parallel()
	for _, broken := range []struct{ old, replacement, want string }{
		{"operationId: listContacts", "operationId: &id listContacts", "anchors and aliases are not allowed"},
		{"operationId: listContacts", "operationId: listContacts\n      operationId: other", `"operationId" is written twice`},
		{"operationId: listContacts", "operationId: [", "contacts.yaml: yaml:"},
	} {
		root := theatre(t)
		spoil(t, root, "contacts.yaml", broken.old, broken.replacement)
		_, err := loadContract(filepath.Join(root, "api"))
		require.ErrorContains(t, err, broken.want)
	}
}

func TestExamplesAreValidatedAgainstTheirSchemas(t *testing.T) {
	t.Parallel()
	for _, change := range []struct{ file, old, replacement, want string }{
		{"contacts.yaml", "{value: {name: Ada}}", "{value: {nom: Ada}}", "updateContact request: examples/rename"},
		{"contacts.yaml", "{data: [], next_cursor: null}", "{data: null, next_cursor: null}", "ContactList: example"},
		{"bookings.yaml", "on: 2026-01-02", "on: 2026-01-42", "createBooking request: example"},
		{"bookings.yaml", "id: 01920000-0000-7000-8000-000000000002", "id: 2", "Booking: example"},
		{"contacts.yaml", "explode: false\n", "explode: false\n          example: [lost]\n", "listContacts parameter status: example"},
		{"contacts.yaml", "schema: {type: string, format: uuid}", "schema: {type: string, format: uuid, examples: [nobody]}", "updateContact parameter contact_id: examples/0"},
		{"common.yaml", "status: {type: integer}", "status: {type: integer, examples: [none]}", "Problem.status: examples/0"},
	} {
		root := theatre(t)
		c, err := loadContract(filepath.Join(root, "api"))
		require.NoError(t, err)
		require.NoError(t, c.checkExamples())

		spoil(t, root, change.file, change.old, change.replacement)
		c, err = loadContract(filepath.Join(root, "api"))
		require.NoError(t, err)
		require.ErrorContains(t, c.checkExamples(), change.want)
	}
}
