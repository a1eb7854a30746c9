package main

import (
	"bytes"
	"fmt"
	"os"
)

// ended reports whether a process that is still known is over: a zombie (Z), or one
// that is just about to go (X). proc(5) has the letters.
func ended(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false // it may be hidden from us
	}
	// The name before the letter can hold anything, parentheses too.
	i := bytes.LastIndexByte(text, ')')
	return i >= 0 && i+2 < len(text) && bytes.IndexByte([]byte("ZXx"), text[i+2]) >= 0
}
