//go:build !linux

package servers

import "errors"

// Memory is not known here.
func Memory(int) (int64, error) {
	return 0, errors.New("the memory of a process is read from /proc, which this system lacks")
}
