//go:build unix

package load

import (
	"syscall"
	"time"
)

// ownCPU is what this process has used so far.
func ownCPU() CPU {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return CPU{}
	}
	return CPU{User: time.Duration(used.Utime.Nano()), System: time.Duration(used.Stime.Nano())}
}
