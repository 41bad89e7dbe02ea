package servers

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of processor time in /proc, the same on all of Linux.
const tick = time.Second / 100

// CPU is the processor time, user and system, that a process has used so far,
// with its children: those that run, and those that ended and were waited for.
func CPU(pid int) (time.Duration, error) {
	used, err := cpuOf(pid)
	if err != nil {
		return 0, err
	}
	for _, child := range children(pid) {
		// One that ends just now is counted with its parent the next time.
		if more, err := cpuOf(child); err == nil {
			used += more
		}
	}
	return used, nil
}

func cpuOf(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// "pid (name) state ppid …": a name may hold anything, so count from its last bracket.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const first, last = 11, 14 // utime, stime, cutime, cstime
	if len(fields) <= last {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	var ticks int64
	for _, field := range fields[first : last+1] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
