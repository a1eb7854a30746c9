package blocking

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// rawWait is how long a read waits at most without telling the scheduler;
	// the kernel rounds it up to a tick.
	rawWait = time.Millisecond
	// tick is how long that may be with a slow clock.
	tick = 4 * time.Millisecond
	// rawWaits is how many such waits there are before the connection is settled.
	rawWaits = 8
)

// Conn is a stream connection outside of the runtime's poller. Its methods are
// those of net.Conn, but there must be one Read and one Write at a time.
type Conn struct {
	fd            int
	remote, local net.Addr
	// patience is how long a read may wait, 0 for ever. Whoever reads sets it.
	patience time.Duration
	// bounded: the socket's own reads end after rawWait.
	bounded bool

	// users counts who is in a system call with fd; with closing set nobody
	// enters any more, and the last one out closes it.
	users atomic.Int64
	// deadlines in nanoseconds since 1970, 0 for none.
	readBy, writeBy atomic.Int64

	settled atomic.Pointer[settled]
	mu      sync.Mutex // of settling, and of deadlines meanwhile
}

// settled is what a connection is after it was settled.
type settled struct{ net.Conn }

const closing = 1 << 32

// NewConn makes a Conn of a connected socket, which belongs to it from now on. The
// addresses are what it says of itself.
func NewConn(fd int, remote, local net.Addr) *Conn {
	return &Conn{fd: fd, remote: remote, local: local}
}

// FromFile makes a Conn of a connection that somebody else has had, and may still
// have: it must not matter to him whether the socket blocks. The file is not needed
// any more then.
func FromFile(f *os.File) (*Conn, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("blocking: %w", err)
	}
	fd := -1
	var failed error
	err = raw.Control(func(own uintptr) { fd, failed = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 3) })
	if err = errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("blocking: %w", err)
	}
	local, err := name(fd, unix.SYS_GETSOCKNAME)
	if err == nil {
		var remote net.Addr
		if remote, err = name(fd, unix.SYS_GETPEERNAME); err == nil || err == unix.ENOTCONN {
			if err = unix.SetNonblock(fd, false); err == nil {
				return NewConn(fd, cmp.Or[net.Addr](remote, local), local), nil
			}
		}
	}
	unix.Close(fd)
	return nil, fmt.Errorf("blocking: %w", err)
}

// enter must succeed before fd is used; leave comes after.
func (c *Conn) enter() bool {
	if c.users.Add(1) < closing {
		return true
	}
	c.leave()
	return false
}

func (c *Conn) leave() {
	if c.users.Add(-1) == closing && c.users.CompareAndSwap(closing, 2*closing) {
		unix.Close(c.fd)
	}
}

// Close implements net.Conn. A Read or Write that waits returns.
func (c *Conn) Close() error {
	for {
		n := c.users.Load()
		if n >= closing {
			return c.failed("close", net.ErrClosed)
		}
		if !c.users.CompareAndSwap(n, n+closing) {
			continue
		}
		if n > 0 {
			// Somebody may be waiting in the kernel, and the descriptor is not
			// closed under him.
			unix.Shutdown(c.fd, unix.SHUT_RDWR)
		} else if c.users.CompareAndSwap(closing, 2*closing) {
			unix.Close(c.fd)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if s := c.settled.Load(); s != nil {
			s.Close()
		}
		return nil
	}
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if s := c.settled.Load(); s != nil {
		return c.readSettled(s, p)
	}
	if len(p) == 0 {
		return 0, nil
	}
	most := rawWaits
	if c.patience > 0 {
		most = min(most, int((c.patience+tick-1)/tick))
	}
	for waits := 0; waits < most; waits++ {
		if by := c.readBy.Load(); by != 0 && time.Now().UnixNano() >= by {
			return 0, c.failed("read", os.ErrDeadlineExceeded)
		}
		if !c.enter() {
			return 0, c.failed("read", net.ErrClosed)
		}
		n, err := c.receive(p)
		c.leave()
		switch {
		case n > 0:
			return n, nil
		case err == 0:
			return 0, io.EOF
		case err == syscall.EINTR:
		case err != syscall.EAGAIN:
			return 0, c.failed("read", err)
		}
		runtime.Gosched()
	}
	if most < rawWaits {
		return 0, c.failed("read", os.ErrDeadlineExceeded)
	}
	s, err := c.settle()
	if err != nil {
		return 0, err
	}
	return c.readSettled(s, p)
}

// SetPatience makes a Read on which nothing comes for so long fail as if it had a
// deadline, which the deadlines do not know of: it costs nothing. 0 is no such limit.
// It must not be called while somebody reads.
func (c *Conn) SetPatience(d time.Duration) { c.patience = max(d, 0) }

func (c *Conn) readSettled(s *settled, p []byte) (int, error) {
	if c.patience == 0 {
		return s.Read(p)
	}
	c.mu.Lock()
	until := time.Now().Add(c.patience)
	if by := c.readBy.Load(); by != 0 && by < until.UnixNano() {
		until = moment(by)
	}
	_ = s.SetReadDeadline(until)
	c.mu.Unlock()
	n, err := s.Read(p)
	c.mu.Lock()
	_ = s.SetReadDeadline(moment(c.readBy.Load()))
	c.mu.Unlock()
	return n, err
}

// receive reads what is there, or what comes within rawWait.
func (c *Conn) receive(p []byte) (int, syscall.Errno) {
	if !c.bounded {
		// The first octets of a new connection are there, as a rule, and a short
		// one needs no more than this.
		if n, err := c.recv(p, unix.MSG_DONTWAIT); err != syscall.EAGAIN {
			return n, err
		}
		c.bound()
	}
	return c.recv(p, 0)
}

func (c *Conn) recv(p []byte, flags uintptr) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(c.fd),
		uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), flags, 0, 0)
	if err != 0 {
		return 0, err
	}
	return int(n), 0
}

// bound makes reads end after rawWait.
func (c *Conn) bound() {
	c.bounded = true
	t := unix.NsecToTimeval(int64(rawWait))
	_ = unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &t)
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	if s := c.settled.Load(); s != nil {
		return s.Write(p)
	}
	written := 0
	for written < len(p) {
		if by := c.writeBy.Load(); by != 0 && time.Now().UnixNano() >= by {
			return written, c.failed("write", os.ErrDeadlineExceeded)
		}
		if !c.enter() {
			return written, c.failed("write", net.ErrClosed)
		}
		rest := p[written:]
		n, _, err := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(&rest[0])),
			uintptr(len(rest)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		c.leave()
		switch err {
		case 0:
			written += int(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			s, err := c.settle()
			if err != nil {
				return written, err
			}
			n, err := s.Write(rest)
			return written + n, err
		default:
			return written, c.failed("write", err)
		}
	}
	return written, nil
}

// settle makes the connection an ordinary one.
func (c *Conn) settle() (*settled, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.settled.Load(); s != nil {
		return s, nil
	}
	if !c.enter() {
		return nil, c.failed("settle", net.ErrClosed)
	}
	defer c.leave()
	fd, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, c.failed("settle", err)
	}
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close()
	nc, err := net.FileConn(f)
	if err != nil {
		return nil, c.failed("settle", err)
	}
	s := &settled{nc}
	// Whoever sets a deadline does it under the same lock.
	_ = s.SetReadDeadline(moment(c.readBy.Load()))
	_ = s.SetWriteDeadline(moment(c.writeBy.Load()))
	c.settled.Store(s)
	return s, nil
}

// Settle makes the connection an ordinary one of package net, for somebody who
// will wait on it for long.
func (c *Conn) Settle() error {
	_, err := c.settle()
	return err
}

// failed is the error of an operation, in the form of package net.
func (c *Conn) failed(op string, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
		return &net.OpError{Op: op, Net: c.local.Network(), Source: c.local, Addr: c.remote, Err: err}
	}
	return &net.OpError{Op: op, Net: c.local.Network(), Source: c.local, Addr: c.remote,
		Err: os.NewSyscallError(op, err)}
}

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn. A Read that waits already may notice a
// deadline up to a tick of the kernel late.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.setDeadline(&c.readBy, t, func(s *settled) error { return s.SetReadDeadline(t) })
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(&c.writeBy, t, func(s *settled) error { return s.SetWriteDeadline(t) })
}

func (c *Conn) setDeadline(by *atomic.Int64, t time.Time, set func(*settled) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.IsZero() {
		by.Store(0)
	} else {
		by.Store(max(t.UnixNano(), 1))
	}
	if s := c.settled.Load(); s != nil {
		return set(s)
	}
	return nil
}

// moment is the reverse of what setDeadline stores.
func moment(by int64) time.Time {
	if by == 0 {
		return time.Time{}
	}
	return time.Unix(0, by)
}

// CloseWrite tells the other side that nothing more will come.
func (c *Conn) CloseWrite() error {
	var failed error
	if err := (rawConn{c}).Control(func(fd uintptr) { failed = unix.Shutdown(int(fd), unix.SHUT_WR) }); err != nil {
		return err
	}
	if failed != nil {
		return c.failed("shutdown", failed)
	}
	return nil
}

// SyscallConn implements syscall.Conn. Only Control is supported: there is no
// poller to wait for.
func (c *Conn) SyscallConn() (syscall.RawConn, error) { return rawConn{c}, nil }

// rawConn is the syscall.RawConn of a Conn.
type rawConn struct{ conn *Conn }

var errRaw = fmt.Errorf("blocking: raw reads and writes: %w", errors.ErrUnsupported)

func (r rawConn) Read(func(uintptr) bool) error  { return errRaw }
func (r rawConn) Write(func(uintptr) bool) error { return errRaw }

func (r rawConn) Control(f func(fd uintptr)) error {
	c := r.conn
	if !c.enter() {
		return c.failed("control", net.ErrClosed)
	}
	defer c.leave()
	f(uintptr(c.fd))
	return nil
}
