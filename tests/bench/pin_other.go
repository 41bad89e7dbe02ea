//go:build !linux

package main

import "errors"

// pin is not known here.
func pin([]int) error { return errors.New("processes are bound to processors on Linux only") }
