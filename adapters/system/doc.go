// Package system is the operating system behind ports: the time, identifiers,
// randomness and encryption. It is the only package that asks for the real
// time or for random bytes.
//
// It never stores anything, and never prints a key.
package system
