package harness

import "syscall"

// bound makes a child die with its parent, and keeps Ctrl-C from it.
func bound() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
