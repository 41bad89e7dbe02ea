// Package readme holds the documentation to its word: the README's session
// runs as it stands there, what is generated is current, and every link leads
// somewhere. It has only tests.
package readme
