package main

import (
	"regexp"
	"strings"
	"unicode"
)

// initialisms are those of oapi-codegen's name normaliser
// ToCamelCaseWithInitialisms; a test compares our names with generated code.
var initialisms = strings.Fields(`ACL API ASCII CPU CSS DNS EOF GUID HTML HTTP HTTPS ID IP JSON QPS RAM RPC SLA SMTP SQL
	SSH TCP TLS TTL UDP UI GID UID UUID URI URL UTF8 VM XML XMPP XSRF XSS SIP RTP AMQP DB TS`)

var camelCaseParts = regexp.MustCompile(`[\p{Lu}\d]+([\p{Ll}\d]+|$)`)

// goName gives the exported Go name that oapi-codegen derives from an
// operationId: getContactById becomes GetContactByID.
func goName(id string) string {
	var camel strings.Builder
	upper := true
	for _, r := range id {
		switch {
		case unicode.IsUpper(r):
			camel.WriteRune(r)
			upper = false
		case unicode.IsDigit(r):
			camel.WriteRune(r)
			upper = true
		case unicode.IsLower(r):
			if upper {
				r = unicode.ToUpper(r)
			}
			camel.WriteRune(r)
			upper = false
		default:
			upper = true
		}
	}
	parts := camelCaseParts.FindAllString(camel.String(), -1)
	for i, part := range parts {
		for _, initialism := range initialisms {
			if strings.EqualFold(part, initialism) {
				parts[i] = initialism
			}
		}
	}
	return strings.Join(parts, "")
}
