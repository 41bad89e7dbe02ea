// Package composetest builds the use cases as the server does, over a real
// database (a SQLite file unless the test brings another) and the in-process
// cache, with a clock that the test moves. It is for tests of app and
// bootstrap; nothing that ships imports it.
package composetest
