// Package archtest holds the rules of the house as ordinary tests: who may
// import whom, what every table must have, whose tables a query may write, and
// that the walls between tenants hold. Each failure says why the rule exists. A
// rule that stands in the way is changed here, with its reason, never bypassed.
package archtest
