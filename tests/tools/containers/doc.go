// Command containers runs one container for the tests, through testcontainers,
// and takes orders on standard input: first a JSON line that describes the
// container, then one word a line (stop, start, kill, pause, resume). Each line
// is answered with one JSON line when its effect is complete. The container is
// removed when the input ends, so it never outlives whoever asked for it.
//
// It lives in a module of its own, so that none of this reaches the product's
// go.mod. It knows nothing of what runs in the container.
package main
