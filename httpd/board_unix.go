//go:build unix

package httpd

import (
	"fmt"
	"syscall"
)

// boardMemory is zeroed memory for a scoreboard: mapped, so that slots which are
// never used cost nothing, and the garbage collector does not count them.
func boardMemory(size int) (mem []byte, err error) {
	mem, err = syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("httpd: memory for the scoreboard: %w", err)
	}
	// It is never unmapped: a handler that was given up may come back after the
	// server's end and clear its line.
	return mem, nil
}
