// Package removal deletes what is in environments and projects that operators deleted: bounded batches, each a transaction of
// its own, so that nobody's writes wait for more than one of them.
//
// It never decides what is deleted, and shows nothing to anybody: who deleted it did that, in a transaction of
// his own, since when nobody finds it. Wherever the removal is cut off, the next turn goes on.
package removal
