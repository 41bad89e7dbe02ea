// Package configs stores the bytes of live configuration and tells each caller
// what he gets.
//
// Bytes go to the object store before anything in the database names them, each
// upload to an object of its own: whatever is cut off leaves an object that nobody
// knows, which is collected later, and never a bundle without its bytes. What is
// read is held against the hash that names it, each part of it too.
//
// What callers get is answered from a snapshot of the environment's current
// releases. A replica looks at one number of the database, at most once in
// recent.Fresh, to know whether it still holds; in between it asks nothing.
package configs
