// Package jwt writes and reads players' access tokens and join tickets, and writes manifests of live
// configuration, as JSON Web Tokens (RFC 7519), signed with Ed25519 (EdDSA, RFC 8037).
//
// It reads only what it would have written itself: one algorithm, one header,
// one set of claims. It never finds a key by anything the token says, and
// never tells what was wrong with a token.
package jwt
