package fdpass

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Most is how many descriptors fit into one datagram (SCM_MAX_FD).
const Most = 253

var (
	// ErrFull says that the peer does not read, and that the socket's buffer
	// has no room for one more datagram.
	ErrFull = errors.New("fdpass: socket buffer is full")
	// ErrTruncated says that a datagram was longer than the buffer, or carried
	// more descriptors than Most or than this process may open.
	ErrTruncated = errors.New("fdpass: datagram cut off")
)

// Pair makes two connected sockets that keep datagrams apart and say EOF when
// the other end is closed (SOCK_SEQPACKET). The first is this process's own, the
// second, a plain descriptor, is for a child.
func Pair() (*net.UnixConn, int, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, -1, fmt.Errorf("fdpass: socketpair: %w", err)
	}
	conn, err := Conn(fds[0])
	if err != nil {
		unix.Close(fds[1])
		return nil, -1, err
	}
	return conn, fds[1], nil
}

// Conn makes a connection of a descriptor, which it takes over, also if it
// fails. The error is errors.ErrUnsupported for what is no UNIX socket.
func Conn(fd int) (*net.UnixConn, error) {
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("fdpass: %w", err)
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("fdpass: %s socket: %w", c.LocalAddr().Network(), errors.ErrUnsupported)
	}
	return conn, nil
}

// Send sends a datagram, waiting for room if need be. The descriptors stay open
// here.
func Send(conn *net.UnixConn, data []byte, fds ...int) error {
	return send(conn, data, fds, true)
}

// TrySend is Send that does not wait: the error is ErrFull if there is no room.
func TrySend(conn *net.UnixConn, data []byte, fds ...int) error {
	return send(conn, data, fds, false)
}

func send(conn *net.UnixConn, data []byte, fds []int, wait bool) error {
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("fdpass: %w", err)
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		for {
			failed = unix.Sendmsg(int(fd), data, oob, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
			if failed != unix.EINTR {
				return failed != unix.EAGAIN || !wait
			}
		}
	})
	switch {
	case err != nil:
		return fmt.Errorf("fdpass: %w", err)
	case failed == unix.EAGAIN:
		return ErrFull
	case failed != nil:
		return fmt.Errorf("fdpass: send: %w", failed)
	}
	return nil
}

// Receive waits for the next datagram and copies it into buf. The files belong
// to the caller. The error is io.EOF, as it is, when the other end was closed.
// With ErrTruncated buf holds what there was room for, and there are no files.
func Receive(conn *net.UnixConn, buf []byte) (int, []*os.File, error) {
	oob := make([]byte, unix.CmsgSpace(4*Most))
	n, oobn, flags, _, err := conn.ReadMsgUnix(buf, oob)
	for errors.Is(err, unix.ECONNRESET) {
		// The other end was closed before all had been read there. The kernel
		// says so first, once; what was sent from there is still to be read.
		n, oobn, flags, _, err = conn.ReadMsgUnix(buf, oob)
	}
	if errors.Is(err, io.EOF) {
		return 0, nil, io.EOF
	}
	if err != nil {
		return 0, nil, fmt.Errorf("fdpass: %w", err)
	}
	files, err := open(oob[:oobn])
	if err == nil && flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		err = ErrTruncated
	}
	if err != nil {
		Discard(files...)
		return n, nil, err
	}
	return n, files, nil
}

// Discard closes files that another process has sent, and does not wait: close of a
// socket waits for its peer if SO_LINGER says so (socket(7)), whoever has set it.
func Discard(files ...*os.File) {
	for _, f := range files {
		go f.Close()
	}
}

// open finds the descriptors in a control message.
func open(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("fdpass: %w", err)
	}
	var files []*os.File
	for i := range messages {
		if messages[i].Header.Level != unix.SOL_SOCKET || messages[i].Header.Type != unix.SCM_RIGHTS {
			continue
		}
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return files, fmt.Errorf("fdpass: %w", err)
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return files, nil
}
