// Package indicators counts what a contact's purchases say of them: how recent,
// how frequent, for how much, how long ahead, of which disciplines and seasons,
// and since when they come.
//
// Each figure names the orders, tickets or movements that it counts: figures are
// made from these facts and from nothing else, by one function, whether they are
// kept, read as of a date, or counted anew. Triggers on what purchases consist of
// note whose figures are to be counted; one worker an institution counts them.
package indicators
