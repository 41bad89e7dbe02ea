//go:build !linux

package harness

import "syscall"

// bound keeps Ctrl-C from a child.
func bound() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
