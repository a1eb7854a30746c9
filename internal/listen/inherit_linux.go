package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Inherit makes a listener of a socket that listens already in another process,
// which goes on having it. The descriptor is taken over, also if it fails. The path
// of a UNIX socket is kept; see Keep. Of the options Backlog and Lent count.
func Inherit(fd int, o Options) (*Listener, error) {
	f := os.NewFile(uintptr(fd), "inherited listener")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("inherited listener: %w", plain(err))
	}
	var p *path
	if !o.Lent {
		p = inheritedPath(l.Addr())
	}
	bound, err := finish(l, nil, o, nil)
	if err != nil {
		return nil, fmt.Errorf("inherited listener %s: %w", l.Addr(), err)
	}
	bound.path = p
	return bound, nil
}

// inheritedPath is the path of an inherited UNIX socket, nil if it has none.
func inheritedPath(a net.Addr) *path {
	if a.Network() != "unix" || a.String() == "" || a.String()[0] == '@' {
		return nil
	}
	info, err := os.Lstat(a.String())
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return nil // somebody has removed it, or taken its place
	}
	p := &path{name: a.String(), info: info}
	p.kept.Store(true)
	return p
}

// Descriptor is another descriptor of the listener's socket, close-on-exec. It
// belongs to the caller.
func (l *Listener) Descriptor() (fd int, err error) {
	var failed error
	err = control(l.Listener, func(own int) {
		fd, failed = unix.FcntlInt(uintptr(own), unix.F_DUPFD_CLOEXEC, 3)
	})
	if err = errors.Join(err, failed); err != nil {
		return -1, fmt.Errorf("descriptor of %s: %w", l.Addr(), err)
	}
	return fd, nil
}

// Listening reports whether a socket listens.
func Listening(fd int) bool {
	on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	return err == nil && on != 0
}

// Start makes a listener of a socket that was only bound listen, with the system's
// backlog.
func Start(l net.Listener) error {
	var failed error
	err := control(l, func(fd int) {
		if !Listening(fd) {
			failed = Listen(fd, 0)
		}
	})
	return errors.Join(err, failed)
}

// CloseDescriptor closes a descriptor.
func CloseDescriptor(fd int) { unix.Close(fd) }

// Keep says whether the path of a UNIX socket stays when the listener is closed,
// because another process has the socket, too, and the path is its to remove.
func (l *Listener) Keep(keep bool) {
	if l.path != nil {
		l.path.kept.Store(keep)
	}
}

// Adopt takes a listening stream socket over that was at a descriptor when the program
// started: it returns another descriptor of it, close-on-exec, and there is no socket
// at the old one any more. 0, 1 and 2 lead to /dev/null then, so that nothing that is
// opened later gets their numbers.
func Adopt(fd int) (int, error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	switch {
	case err != nil:
		return -1, fmt.Errorf("descriptor %d is no socket: %w", fd, err)
	case kind != unix.SOCK_STREAM:
		return -1, fmt.Errorf("descriptor %d is no stream socket", fd)
	case !Listening(fd):
		return -1, fmt.Errorf("the socket at descriptor %d does not listen", fd)
	}
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return -1, err
	}
	if fd > 2 {
		unix.Close(fd)
		return own, nil
	}
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Dup3(null, fd, 0)
		unix.Close(null)
	}
	if err != nil {
		unix.Close(own)
		return -1, fmt.Errorf("descriptor %d: %w", fd, err)
	}
	return own, nil
}
