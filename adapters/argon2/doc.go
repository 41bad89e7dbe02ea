// Package argon2 hashes passwords with Argon2id (RFC 9106) and writes the result in
// the PHC string format, parameters and all. It bounds nothing: how many hashes
// run at once is for its caller to say.
package argon2
