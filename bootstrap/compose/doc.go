// Package compose is the compile-time graph of use cases: ports in, use cases
// out. It does no I/O and can't fail, so the server, every CLI command and
// every use-case test build the very same graph.
package compose
