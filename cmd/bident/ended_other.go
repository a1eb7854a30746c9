//go:build unix && !linux

package main

// ended is not asked here: a process that is known counts as running.
func ended(int) bool { return false }
