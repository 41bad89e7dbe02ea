package main

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// pin has this process run on the given processors only, and what it starts from now on.
func pin(processors []int) error {
	var set unix.CPUSet
	for _, p := range processors {
		set.Set(p)
	}
	// Threads inherit from the thread that starts them, so all there are must know.
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}
