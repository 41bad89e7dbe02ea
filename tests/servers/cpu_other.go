//go:build !linux

package servers

import (
	"errors"
	"time"
)

// CPU is not known here.
func CPU(int) (time.Duration, error) {
	return 0, errors.New("processor time is read from /proc, which this system lacks")
}
