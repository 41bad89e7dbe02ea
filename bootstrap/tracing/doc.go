// Package tracing sends spans to a collector, by OTLP over HTTP (the protocol
// of OpenTelemetry), and gives the rest of the process what it makes them with.
//
// It never slows or fails the work that it shows: spans wait in a bounded queue,
// those that find it full are dropped, and a collector that is away costs a line in
// the log. Nothing of it is global.
package tracing
