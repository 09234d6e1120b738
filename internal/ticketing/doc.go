// Package ticketing receives what ticketing systems send, in one form whatever
// the vendor: productions, performances, price types, accounts and orders, with
// lines, fees, payments and refunds; and attributes orders to contacts, with
// the evidence kept.
//
// What is held is a function of the set of messages received. Of each record
// the newest description and the newest deletion decide (position.go); a ticket
// that two orders name belongs to the order described later; whatever is only
// referred to is a stub until it is described. So messages may come late, twice
// and in any order. Money is a ledger that only grows: a payment or refund that
// a source corrects is answered by a further entry.
//
// Everything from one source is written by one transaction at a time, under an
// advisory lock of that source; transactions of different sources that may make
// the same contact wait for each other on the numbers of its contact points.
package ticketing
