// Package readme holds the documentation to its word: the sessions of the README
// and of the pages run as they stand there and get the replies that are shown,
// what is generated is current, and every link leads somewhere. It has only tests.
package readme
