// Package ranking orders players by what they achieved.
//
// A board says how runs compare and what becomes of a player's earlier one; a
// season of it holds one entry a player. A run is a (score, subscore) pair of
// int64, always compared and kept as one: nothing here rounds, wraps or mixes
// the parts of two runs.
//
// The order of a season is that of the bytes of its entries' keys, so that any
// store that sorts bytes can rank them. The package never counts places itself:
// an Index does, and the entries in the database are the truth it is built from.
package ranking
