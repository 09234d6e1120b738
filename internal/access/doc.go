// Package access knows who calls: institutions (tenants), departments, users,
// API keys and OAuth clients, and turns a bearer credential into an actor.
package access
