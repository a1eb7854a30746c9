//go:build !unix

package main

import "os"

// alive reports whether there is a process of that number.
func alive(pid int) bool {
	if pid < 1 {
		return false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	_ = p.Release()
	return true
}
