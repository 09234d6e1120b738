package conformance

import "context"

// Scenario is one thing that happens in every ticketing system sooner or later.
type Scenario struct {
	Number int
	ID     string
	Title  string
	// act plays it. Its error is what concerns us, never the connector.
	act func(ctx context.Context, p *play) error
}

// Scenarios are all of them, in the order they are played.
func Scenarios() []Scenario {
	all := []Scenario{
		{ID: "create", Title: "An order is placed", act: create},
		{ID: "replay-same-key", Title: "The answer gets lost and the same is sent again", act: replaySameKey},
		{ID: "replay-other-key", Title: "Everything is sent again, as after a doubt", act: replayOtherKey},
		{ID: "same-key-other-body", Title: "A key was used for something else", act: sameKeyOtherBody},
		{ID: "out-of-order", Title: "An old description overtakes the new one", act: outOfOrder},
		{ID: "duplicated", Title: "A request arrives twice", act: duplicated},
		{ID: "equal-timestamps", Title: "Two changes bear the same time", act: equalTimestamps},
		{ID: "stub-then-parent", Title: "The order arrives before its performance", act: stubThenParent},
		{ID: "scan-before-order", Title: "A ticket is scanned before its order is known", act: scanBeforeOrder},
		{ID: "partial-refund", Title: "A part of the money goes back", act: partialRefund},
		{ID: "full-refund-valid-tickets", Title: "All money goes back and the tickets stay valid", act: fullRefundValidTickets},
		{ID: "cancel-fee-kept", Title: "An order is cancelled and a fee is kept", act: cancelFeeKept},
		{ID: "exchange", Title: "A ticket is exchanged", act: exchange},
		{ID: "split", Title: "An order is split", act: split},
		{ID: "reactivation", Title: "A cancelled order is valid again", act: reactivation},
		{ID: "tombstone-then-older", Title: "An old description comes after a deletion", act: tombstoneThenOlder},
		{ID: "tombstone-then-newer", Title: "A deleted order comes back", act: tombstoneThenNewer},
		{ID: "anonymise", Title: "A buyer is made anonymous", act: anonymise},
		{ID: "test-order", Title: "A test order is placed", act: testOrder},
		{ID: "generic-mailbox", Title: "Somebody buys with the address of a service", act: genericMailbox},
		{ID: "shared-family-mail", Title: "Two people share one address", act: sharedFamilyMail},
		{ID: "placeholder-holder", Title: "A ticket names nobody", act: placeholderHolder},
		{ID: "box-office-without-name", Title: "A ticket is sold at the counter without a name", act: boxOfficeWithoutName},
		{ID: "dst-times", Title: "Performances around the change of the clocks", act: dstTimes},
		{ID: "money-to-the-cent", Title: "Sums that do not survive floating point", act: moneyToTheCent},
		{ID: "one-bad-record", Title: "One record of many is refused", act: oneBadRecord},
		{ID: "rate-limited", Title: "The server asks to wait", act: rateLimited},
		{ID: "unavailable", Title: "The server is away for a while", act: unavailable},
		{ID: "rotated-key", Title: "The key is replaced", act: rotatedKey},
		{ID: "oversized-batch", Title: "A batch is too large for the server", act: oversizedBatch},
	}
	for i := range all {
		all[i].Number = i + 1
	}
	return all
}
