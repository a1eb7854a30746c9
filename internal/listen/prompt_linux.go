package listen

import "golang.org/x/sys/unix"

// Prompt makes a listening socket give connections away at once, if it is TCP: the
// process that had it before may have told the kernel to wait for their first octets.
func Prompt(fd int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 0) // it is an optimisation either way
}
