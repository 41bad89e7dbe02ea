// Package heap keeps objects in memory, heap://. It is for trying things out: all
// is gone when the process ends, and no other process sees any of it.
package heap
