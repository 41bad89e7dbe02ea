// Package imports holds the architecture to its word: imports run one way,
// domain ← ports ← app ← adapters ← bootstrap ← main, and each library stays in
// the one place that knows it. The rules look at what a package reaches through
// others too, which a linter's look at one file does not. Test files are free.
package imports
