package conformance_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/examples/box-office/boxoffice"
	"github.com/parvis-crm/parvis/internal/conformance"
)

// mistakes says where each mistake shows. One that makes its key of the name of
// the record shows nowhere, as long as a 422 is answered by a new key.
var mistakes = map[string][]string{
	"no-dedupe":         {"replay-other-key"},
	"no-retry":          {"replay-same-key", "same-key-other-body", "stub-then-parent", "rate-limited", "unavailable", "oversized-batch"},
	"float-money":       {"money-to-the-cent"},
	"no-order":          {"out-of-order", "equal-timestamps", "tombstone-then-older"},
	"naive-times":       {"stub-then-parent", "dst-times"},
	"ignores-409-422":   {"same-key-other-body", "unavailable"},
	"leaks-tests":       {"test-order"},
	"impatient":         {"rate-limited"},
	"seconds-only":      {"equal-timestamps"},
	"no-tombstones":     {"tombstone-then-older", "tombstone-then-newer"},
	"no-catalogue":      {"stub-then-parent", "dst-times"},
	"ignores-results":   {"one-bad-record"},
	"never-divides":     {"oversized-batch"},
	"drops-with-key":    {"rotated-key"},
	"account-by-mail":   {"generic-mailbox", "shared-family-mail"},
	"holder-from-buyer": {"placeholder-holder"},
	"counter-customer":  {"box-office-without-name"},
	"refunds-cancel":    {"partial-refund", "full-refund-valid-tickets"},
	"lowers-refunded":   {"partial-refund", "full-refund-valid-tickets", "cancel-fee-kept"},
	"drops-cancelled":   {"cancel-fee-kept", "exchange", "reactivation"},
	"keeps-people":      {"anonymise"},
	"key-of-name":       {},
	"doubts-unchanged":  {"duplicated", "replay-other-key", "anonymise"},
	"scans-wait":        {"scan-before-order"},
}

// near are scenarios about what a mistake is about, which it leaves alone.
var near = map[string][]string{
	"impatient": {"unavailable"}, "seconds-only": {"out-of-order"}, "no-tombstones": {"reactivation"}, "no-catalogue": {"scan-before-order"},
	"ignores-results": {"duplicated"}, "never-divides": {"one-bad-record"}, "drops-with-key": {"unavailable"}, "account-by-mail": {"box-office-without-name"},
	"holder-from-buyer": {"shared-family-mail"}, "counter-customer": {"generic-mailbox"}, "refunds-cancel": {"reactivation"}, "lowers-refunded": {"split"},
	"keeps-people": {"box-office-without-name"}, "key-of-name": {"same-key-other-body"}, "doubts-unchanged": {"out-of-order"}, "scans-wait": {"stub-then-parent"},
}

// round is one trial of a vendor that makes in each scenario one mistake, all
// the same or each another.
type round struct {
	name     string
	mistakes map[string]string // by scenario
}

// vendor starts that vendor. A till and an outbox serve one scenario, so each is
// played as by a vendor that makes its mistake everywhere.
func (r round) vendor(t *testing.T) string {
	t.Helper()
	calls := map[string]http.Handler{}
	for scenario, mistake := range r.mistakes {
		d, known := boxoffice.Named()[mistake]
		require.True(t, known, mistake)
		calls[scenario] = boxoffice.New(t.Context(), backoff, d)
	}
	return serve(t, byScenario(calls))
}

// rounds are those that show each mistake where it shows and not where it does
// not: two mistakes in all scenarios, or all if asked, and the others packed into
// as few rounds as will hold where they show and what is near, filled up with
// scenarios that they are to leave alone.
func rounds(t *testing.T) []round {
	t.Helper()
	all := slices.Sorted(maps.Keys(mistakes))
	named := slices.DeleteFunc(slices.Sorted(maps.Keys(boxoffice.Named())), func(name string) bool { return name == "" })
	require.Equal(t, named, all, "every mistake of the example is tried")
	everywhere := []string{"no-dedupe", "no-retry"}
	if *whole {
		everywhere = all
	}
	var out []round
	for _, mistake := range everywhere {
		r := round{mistake, map[string]string{}}
		for _, s := range conformance.Scenarios() {
			r.mistakes[s.ID] = mistake
		}
		out = append(out, r)
	}
	if *whole {
		return out
	}
	var packed []round
	put := func(mistake, scenario string) {
		for _, r := range packed {
			if r.mistakes[scenario] == "" {
				r.mistakes[scenario] = mistake
				return
			}
		}
		packed = append(packed, round{fmt.Sprintf("mistakes, round %d", len(packed)+1), map[string]string{scenario: mistake}})
	}
	others := slices.DeleteFunc(all, func(mistake string) bool { return slices.Contains(everywhere, mistake) })
	for _, mistake := range others {
		for _, scenario := range slices.Concat(mistakes[mistake], near[mistake]) {
			put(mistake, scenario)
		}
	}
	next := 0
	for _, r := range packed {
		for _, s := range conformance.Scenarios() {
			if r.mistakes[s.ID] != "" {
				continue
			}
			for slices.Contains(mistakes[others[next%len(others)]], s.ID) {
				next++
			}
			r.mistakes[s.ID] = others[next%len(others)]
			next++
		}
	}
	return append(out, packed...)
}
