// Package harness runs the program that users run, and speaks to it as they do:
// it builds the binary once, starts it on each stack that is supported, stops,
// kills and pauses it, calls its command line, and sends it HTTP requests.
//
// It never reaches into the process: whatever a test learns, a user could learn
// from the terminal, the API, the metrics, the logs or the database.
//
// Linux and macOS only: it speaks to processes with signals.
package harness
