//go:build !linux

package main

import "io"

// runInit is for containers, which only Linux has.
func runInit(io.Writer) (status int, is bool) { return 0, false }
