//go:build !linux

package httpd

// readProcess knows nothing on this system.
func readProcess() (p process, ok bool) { return process{}, false }
