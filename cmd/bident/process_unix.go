//go:build unix

package main

import (
	"errors"
	"syscall"
)

// alive reports whether there is a process of that number, which runs: not one that
// has ended, and that its parent has not asked about yet.
func alive(pid int) bool {
	if pid < 1 {
		return false
	}
	err := syscall.Kill(pid, 0)
	return (err == nil || errors.Is(err, syscall.EPERM)) && !ended(pid)
}
