package fcgi

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// descriptor does on a socket what net.Conn cannot: wait for octets without
// holding a buffer, write only what fits, and look without reading. Deadlines
// and closing act as on the net.Conn. The three uses may overlap; each of them
// has one caller at a time. The callbacks are made once, so that no exchange
// allocates them.
type descriptor struct {
	rc syscall.RawConn

	readFn  func(uintptr) bool
	reader  *Reader
	readN   int
	readErr error

	writeFn  func(uintptr) bool
	writeP   []byte
	writeN   int
	writeErr error

	peekFn  func(uintptr)
	peekP   [1]byte
	peekErr error
}

// openDescriptor gives the descriptor of a UNIX or TCP connection. Other
// values, wrappers of such connections included, give errors.ErrUnsupported:
// a wrapper may count or change what passes.
func openDescriptor(conn any) (*descriptor, error) {
	var rc syscall.RawConn
	var err error
	switch c := conn.(type) {
	case *net.UnixConn:
		rc, err = c.SyscallConn()
	case *net.TCPConn:
		rc, err = c.SyscallConn()
	default:
		return nil, errors.ErrUnsupported
	}
	if err != nil {
		return nil, err
	}
	d := &descriptor{rc: rc}
	d.readFn, d.writeFn, d.peekFn = d.tryRead, d.tryWrite, d.tryPeek
	return d, nil
}

// read reads into the free space of r, and while it waits gives r's buffer
// back if it is empty.
func (d *descriptor) read(r *Reader) (int, error) {
	d.reader, d.readN, d.readErr = r, 0, nil
	if err := d.rc.Read(d.readFn); err != nil {
		r.Release()
		return 0, err
	}
	return d.readN, d.readErr
}

func (d *descriptor) tryRead(fd uintptr) bool {
	n, err := retry(syscall.Read, fd, d.reader.space())
	switch {
	case err == syscall.EAGAIN:
		if f := d.reader.waiting; f != nil && d.reader.octets > 0 {
			f()
		}
		d.reader.Release()
		return false
	case err != nil:
		d.readErr = os.NewSyscallError("read", err)
	case n == 0:
		d.readErr = io.EOF
	default:
		d.readN = n
	}
	return true
}

// write writes as much of p as fits without waiting, maybe nothing.
func (d *descriptor) write(p []byte) (int, error) {
	d.writeP, d.writeN, d.writeErr = p, 0, nil
	err := d.rc.Write(d.writeFn)
	d.writeP = nil
	if err != nil {
		return 0, err
	}
	return d.writeN, d.writeErr
}

func (d *descriptor) tryWrite(fd uintptr) bool {
	n, err := retry(syscall.Write, fd, d.writeP)
	if err != nil && err != syscall.EAGAIN {
		d.writeErr = os.NewSyscallError("write", err)
	}
	d.writeN = max(n, 0)
	return true
}

// idle looks at a connection that should have nothing to say: nil if it is
// open and silent, io.EOF if the peer closed it, ErrStray if octets wait.
func (d *descriptor) idle() error {
	d.peekErr = nil
	if err := d.rc.Control(d.peekFn); err != nil {
		return err
	}
	return d.peekErr
}

func (d *descriptor) tryPeek(fd uintptr) {
	n, err := retry(peek, fd, d.peekP[:])
	switch {
	case err == syscall.EAGAIN:
	case err != nil:
		d.peekErr = os.NewSyscallError("recv", err)
	case n == 0:
		d.peekErr = io.EOF
	default:
		d.peekErr = ErrStray
	}
}

func peek(fd int, p []byte) (int, error) {
	n, _, err := syscall.Recvfrom(fd, p, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return n, err
}

// retry repeats a system call that a signal interrupted.
func retry(call func(int, []byte) (int, error), fd uintptr, p []byte) (int, error) {
	for {
		n, err := call(int(fd), p)
		if err != syscall.EINTR {
			return n, err
		}
	}
}
