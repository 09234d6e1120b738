// Package privacy erases persons: in one transaction everything personal about a
// contact goes out of every domain, each of which knows what it has, and the
// register keeps that it happened, on whose instruction, and what the ticketing
// systems were told.
package privacy
