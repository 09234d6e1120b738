// Package events is the one log. Everything that changes anything records one
// event in its own transaction (RecordTx); the sequencer then gives committed
// events their number. What readers are promised: within a tenant the sequence
// is contiguous and in commit order, nothing is skipped, and each number is
// chained by digest to all before it. What writers are promised: they never
// wait for each other, nor for the sequencer.
package events
