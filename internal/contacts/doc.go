// Package contacts is the register of persons and organisations: their names,
// the points where they are reached, their postal addresses, the names other
// systems know them by, and their tags.
//
// A contact and each of its contact points and addresses are records with
// versions of their own: changing an e-mail address does not make a new version
// of the contact. Events of a contact point or an address have that record as
// their subject and carry contact_id among their facts; linking an external id
// and giving or taking a tag are events of the contact, at its present version.
//
// The functions ending in Tx are for other domains, as part of a transaction of
// theirs; each records its events.
package contacts
