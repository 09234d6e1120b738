// Package register is the register of processing activities (registre des
// activités de traitement, GDPR art. 30): what is done with personal data, for
// which purposes and with which classes of fields. It is configuration: who is
// bound to a purpose reads what the register lists for it, and nothing else.
package register
