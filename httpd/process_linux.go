package httpd

import (
	"fmt"
	"os"
	"syscall"
)

// readProcess asks the system about this process; see proc(5) and getrusage(2).
func readProcess() (p process, ok bool) {
	var usage syscall.Rusage
	var limit syscall.Rlimit
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil || syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return p, false
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return p, false
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return p, false
	}
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return p, false
	}
	page := os.Getpagesize()
	return process{
		cpu:      seconds(usage.Utime) + seconds(usage.Stime),
		resident: float64(resident * page), virtual: float64(size * page),
		open: float64(len(descriptors) - 1), // without the one that was opened to count them
		most: float64(limit.Cur),
	}, true
}
