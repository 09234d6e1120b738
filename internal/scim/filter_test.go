package scim

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func sample() map[string]any {
	return map[string]any{
		"id": "1", "userName": "bjensen", "title": "Tour Guide", "active": true, "externalId": "Ab",
		"name":   map[string]any{"familyName": "O'Malley", "givenName": "Barbara"},
		"emails": []any{map[string]any{"value": "bjensen@example.com", "type": "work", "primary": true}, map[string]any{"value": "babs@jensen.org", "type": "home"}},
		"meta":   map[string]any{"lastModified": time.Date(2011, 5, 13, 5, 42, 34, 0, time.UTC).Format(time.RFC3339Nano), "resourceType": "User"},
	}
}

// The examples of RFC 7644 §3.4.2.2, and what they mean for one user; and what
// directories write besides.
func filterExamples() map[string]bool {
	return map[string]bool{
		`userName eq "bjensen"`:         true,
		`name.familyName co "O'Malley"`: true,
		`userName sw "J"`:               false,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`: false,
		`title pr`: true,
		`meta.lastModified gt "2011-05-13T04:42:34Z"`:                                                       true,
		`meta.lastModified ge "2011-05-13T05:42:34Z"`:                                                       true,
		`meta.lastModified lt "2011-05-13T04:42:34Z"`:                                                       false,
		`meta.lastModified le "2011-05-13T04:42:34+00:00"`:                                                  false,
		`title pr and userType eq "Employee"`:                                                               false,
		`title pr or userType eq "Intern"`:                                                                  true,
		`schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`:                           false,
		`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`:             false,
		`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`:         false,
		`userType eq "Employee" and (emails.type eq "work")`:                                                false,
		`userType eq "Employee" and emails[type eq "work" and value co "@example.com"]`:                     false,
		`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]`: true,
		`emails[type eq "home" and value co "@example.com"]`:                                                false,
		`emails[type eq "work"].value eq "BJENSEN@example.com"`:                                             true,
		`emails[type eq "home"].value eq "bjensen@example.com"`:                                             false,
		`emails[type eq "home"].value ne "bjensen@example.com" and title pr`:                                true,
		`not (emails[type eq "work"].value sw "b") or title eq "x"`:                                         false,
		`emails[type eq "work"].value pr`:                                                                   true,
		`emails[type eq "work"].display eq null`:                                                            true,
		`emails[type eq "work"].value eq null`:                                                              false,
		`emails[type eq "work"].display ne null`:                                                            false,
		`emails[type eq "work" and primary eq True].value ne "x"`:                                           true,
		`emails[not (type eq "work")]`:                                                                      true,
		`USERNAME EQ "BJENSEN"`:                                                                             true,
		`externalId eq "ab"`:                                                                                false,
		`active eq True`:                                                                                    true,
		`active eq "true"`:                                                                                  true,
		`active ne true`:                                                                                    false,
		`emails.primary eq true`:                                                                            true,
		`displayName eq null`:                                                                               true,
		`title ne null`:                                                                                     true,
		`nickName pr`:                                                                                       false,
		`name pr`:                                                                                           true,
		`emails pr`:                                                                                         true,
		`groups pr`:                                                                                         false,
		`not(title pr)`:                                                                                     false,
		`title ew "GUIDE"`:                                                                                  true,
		`userName gt "a" and userName lt "c"`:                                                               true,
		`userName pr or title eq "x" and title eq "y"`:                                                      true,
		`(userName pr or title eq "x") and title eq "y"`:                                                    false,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "x"`:                      false,
		`userName eq "a \"quoted\" \\ name"`:                                                                false,
	}
}

func TestFilterExamples(t *testing.T) {
	t.Parallel()
	for text, want := range filterExamples() {
		f, err := parseFilter(text, userKind())
		require.NoError(t, err, text)
		got, err := matches(f, userKind(), userKind().attributes, sample())
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestFiltersRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, ` `, `userName`, `userName eq`, `userName eq "`, `userName xx "a"`, `userName eq bjensen`, `eq "a"`, `(userName pr`, `userName pr)`, `userName pr and`,
		`nothing pr`, `name.nothing pr`, `userName.part eq "x"`, `emails[type eq "work"`, `emails[emails[type pr]]`, `userName[value pr]`, `name eq "x"`, `active gt true`,
		`active eq "maybe"`, `userName eq 5`, `userName gt null`, `meta.created eq "yesterday"`, `meta.created co "2011-05-13T04:42:34Z"`, `userName eq {}`, `userName eq ["a"]`,
		`emails[nothing eq "x"]`, `emails[type eq "work"].`, `emails[type eq "work"].value`, `emails[type eq "work"].nothing eq "x"`, `emails[type eq "work"].value.value eq "x"`, `userName eq "\u0000"`, `9 eq 9`, strings.Repeat("(", 30) + "title pr" + strings.Repeat(")", 30),
		strings.Repeat("title pr or ", 200) + "title pr", "userName eq \"" + strings.Repeat("x", 4000) + "\"",
	} {
		f, err := parseFilter(text, userKind())
		if err == nil {
			_, err = matches(f, userKind(), userKind().attributes, sample())
		}
		require.Error(t, err, text)
	}
}

// Whatever is written, a filter is read or refused, and what is read can be asked
// of a user and of the database alike.
func FuzzFilter(f *testing.F) {
	for text := range filterExamples() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, k := range []kindOf{userKind(), groupKind()} {
			parsed, err := parseFilter(text, k)
			if err != nil {
				continue
			}
			_, asked := matches(parsed, k, k.attributes, sample())
			var args arguments
			c := userColumnsOf()
			if k.name == "Group" {
				c = groupColumnsOf()
			}
			sql, written := conditions{k, c, args.add}.of(parsed)
			if (asked == nil) != (written == nil) {
				t.Fatalf("%q: a user is answered %v and the database %v", text, asked, written)
			}
			if strings.Count(sql, "(") != strings.Count(sql, ")") {
				t.Fatalf("%q: %s", text, sql)
			}
		}
		_, _, _ = userKind().locatePath(text)
	})
}
