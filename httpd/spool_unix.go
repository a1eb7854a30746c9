//go:build unix

package httpd

import (
	"os"
	"syscall"
)

// mapFile is the file in memory. It can be written to, as octets of a body can,
// and what is written stays with this process.
func mapFile(f *os.File, size int64) ([]byte, error) {
	return syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE)
}

func unmapFile(b []byte) { _ = syscall.Munmap(b) } // it was mapped by mapFile
