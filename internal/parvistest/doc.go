// Package parvistest gives tests the real thing: a PostgreSQL database of their
// own, cloned in some 20 ms from a template that has every migration applied.
package parvistest
