// Package scim lets the directory of an institution provision its users and
// teams: SCIM 2.0, RFC 7643 (schema) and RFC 7644 (protocol). Who leaves in the
// directory acts no more here from that instant on; who is put into a group has
// the roles of the team that it is. The directory decides who is in a team, and
// the institution what a team may do.
package scim
