//go:build !linux

package servers

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// bound keeps Ctrl-C from a child, so that tests can end before their servers.
func bound() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// children are the processes that a process has started.
func children(parent int) []int {
	var found []int
	out, _ := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) == 2 && fields[1] == strconv.Itoa(parent) {
			if pid, err := strconv.Atoi(fields[0]); err == nil {
				found = append(found, pid)
			}
		}
	}
	return found
}
