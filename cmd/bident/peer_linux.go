package main

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerEnd gives a function that returns when the process which listens at the
// other end has ended, or nil if that cannot be told: on a kernel without pidfd,
// or if the process is in a process number space that is not visible from here.
// The kernel says which process it is, in this process's own numbers.
func peerEnd(c *net.UnixConn) func() {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	pidfd := -1
	_ = raw.Control(func(fd uintptr) {
		peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err == nil && peer.Pid > 0 {
			if pidfd, err = unix.PidfdOpen(int(peer.Pid), 0); err != nil {
				pidfd = -1
			}
		}
	})
	if pidfd < 0 {
		return nil
	}
	return func() {
		defer unix.Close(pidfd)
		for {
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, -1)
			if err != unix.EINTR {
				return
			}
		}
	}
}
