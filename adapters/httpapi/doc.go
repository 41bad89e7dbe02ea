// Package httpapi is how games, servers and operators reach Overworld: one REST
// and JSON surface, described by docs/api.md.
//
// A route is declared once, in the table that routes.go gathers: its method and
// path, who may call it, its rate class, the types it reads and writes, and a
// handler. All else every route gets by being declared: authentication, rate
// limits, deadlines, strict decoding with every fault at once, entity tags,
// cursors, problem documents, logs, metrics, and its place in the OpenAPI
// document.
//
// The package checks the shape of what it is sent and translates it; it never
// decides a rule of the game, and never asks a port directly for data.
package httpapi
