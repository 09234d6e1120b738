package scim_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every way to ask who is active, and the others that directories write, is
// answered alike in an address and in a body.
func TestFiltersAreAnsweredInAddressesAndInBodies(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	d.user("here@x.example", object{"title": "T", "emails": []any{object{"value": "work@x.example", "type": "work"}, object{"value": "home@x.example", "type": "home"}}})
	d.user("gone@x.example", object{"title": "T", "active": false})
	here, gone, both, none := []string{"here@x.example"}, []string{"gone@x.example"}, []string{"here@x.example", "gone@x.example"}, []string{}
	for filter, want := range map[string][]string{
		`active eq true`: here, `active eq True`: here, `active eq "true"`: here, `active ne false`: here, `not (active eq false)`: here,
		`active eq false`: gone, `active eq "False"`: gone, `active ne true`: gone, `active ne "true"`: gone, `not (active eq true)`: gone,
		`active pr`: both, `active eq null`: none, `active ne null`: both,
		`active eq false and active ne true`: gone, `active eq true or active eq false`: both,
		`meta.resourceType eq "User"`:                                    both,
		`emails[type eq "work"].value eq "work@x.example"`:               here,
		`emails[type eq "home"].value eq "work@x.example"`:               none,
		`emails[type eq "work"].value ne "work@x.example"`:               gone,
		`emails[type eq "work"].value eq null`:                           gone,
		`emails[type eq "work"].value pr and active eq true`:             here,
		`emails[primary eq true].value pr`:                               none,
		`emails[type eq "work" and value sw "work"].value ew ".example"`: here,
	} {
		filter = `title eq "T" and (` + filter + `)`
		require.Equal(t, want, d.found(users+"?filter="+url.QueryEscape(filter)), filter)
		for _, path := range []string{users + "/.search", "/v1/scim/v2/.search"} {
			found := d.scim.Post(path, object{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}, "filter": filter}, media).Is(200).JSON()
			names := []string{}
			for _, r := range found["Resources"].([]any) {
				names = append(names, r.(object)["userName"].(string))
			}
			require.Equal(t, want, names, "%s %s", path, filter)
		}
	}
	for _, filter := range []string{`active gt true`, `active co "t"`, `active eq 1`, `emails[type eq "work"].nothing pr`} {
		refused(t, d.scim.Get(users+"?filter="+url.QueryEscape(filter)), 400, "invalidFilter")
	}
}
