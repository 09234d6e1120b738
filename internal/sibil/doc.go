// Package sibil is the quarterly ticketing return that holders of a
// performing-arts licence owe the State (SIBIL, déclaration trimestrielle de
// billetterie: act 2016-925 of 7 July 2016, art. 48; decree 2017-926 of 9 May
// 2017).
//
// Figures are computed from the ticketing tables whenever somebody asks, over
// everything of the institution, since they name nobody. What was sent is kept,
// with its digest, so that a later change, such as a late refund, is seen and
// sent again under the same key.
//
// What is said to the State's system follows what is published of its test
// system. It has not been confirmed against production.
package sibil
