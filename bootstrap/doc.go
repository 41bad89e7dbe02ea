// Package bootstrap makes a process of the parts: it reads the configuration,
// opens the adapters it names, builds the use cases over them, and starts and
// stops listeners and workers in order. It is the only package that knows fx,
// and it decides nothing about games.
package bootstrap
