// Package entrants fills databases with a million players and what they have on a
// leaderboard, past the program, as quickly as the engines can: for tests and
// measurements of what a large season costs. What the rank of each is, is known
// without counting.
package entrants
