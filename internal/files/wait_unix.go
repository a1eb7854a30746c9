//go:build unix

package files

import "syscall"

// withoutWaiting: opening a FIFO does not wait for a writer, and a terminal does
// not become ours.
const withoutWaiting = syscall.O_NONBLOCK | syscall.O_NOCTTY
