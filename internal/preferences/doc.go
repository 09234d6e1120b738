// Package preferences lets a person see and change, without an account, what
// their address is used for: by a link that they were sent.
//
// A link is a secret of 192 random bits, of which only the hash is kept; it is
// for one person and one address, ends by itself, and gives nothing away about
// anybody else. What it changes is an entry of the consent ledger like any
// other, with its proof, and counts before the answer returns: to withdraw is
// as easy as to give (GDPR art. 7(3)). The same address takes the POST by which
// a mail program unsubscribes with one click (RFC 8058); reading it changes
// nothing, since mail scanners read links.
package preferences
