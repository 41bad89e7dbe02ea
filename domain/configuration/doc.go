// Package configuration knows what live configuration is: immutable bundles of
// bytes, and numbered releases that say who gets which of them.
//
// What a bundle holds is the game's business; a release never changes, and going
// back to an earlier one is a new release. Conditions are about what callers say of
// themselves: they choose, and never keep a secret.
package configuration
