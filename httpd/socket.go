package httpd

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/bident/bident/internal/poller"
)

// socket is a connection of a loop's: a bare descriptor, on which nothing ever
// waits. Whoever has the connection reads and writes; where that would have to
// wait, the socket is widened to a connection of package net, which waits in the
// runtime's poller, knows deadlines, and can be given away. It is narrowed again
// when the connection rests.
type socket struct {
	home          *loop
	tag           int // what home's poller calls it
	remote, local net.Addr
	// last: what is written next is followed by the connection's end.
	last bool
	// known: home's poller has it.
	known bool
	// timed: there is a deadline that a write has to keep.
	timed atomic.Bool
	// stamped: there is, or was, any.
	stamped atomic.Bool

	// mu guards what follows against those who do not have the connection.
	// Whoever has it changes fd and wide under mu, and may read them without.
	mu              sync.Mutex
	fd              int // -1 if it is wide, or closed
	wide            net.Conn
	wideRaw         syscall.RawConn
	readBy, writeBy time.Time
}

// open makes it that connection.
func (s *socket) open(fd int, remote, local net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fd, s.wide, s.wideRaw = fd, nil, nil
	s.remote, s.local = remote, local
	s.last, s.known = false, false
	s.clearDeadlines()
}

// openWide makes it a connection of package net's.
func (s *socket) openWide(c net.Conn) {
	s.open(-1, c.RemoteAddr(), c.LocalAddr())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wide, s.wideRaw = c, rawConn(c)
}

// forget takes it out of home's poller, as closing does only if nobody else has a
// duplicate.
func (s *socket) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known {
		s.home.poll.Remove(s.fd)
		s.known = false
	}
}

// clearDeadlines forgets them; s.mu is held.
func (s *socket) clearDeadlines() {
	s.timed.Store(false)
	s.stamped.Store(false)
	s.readBy, s.writeBy = time.Time{}, time.Time{}
}

// widen makes it a connection that can wait.
func (s *socket) widen() error {
	if s.wide != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return net.ErrClosed
	}
	if s.known {
		s.home.poll.Remove(s.fd)
		s.known = false
	}
	f := os.NewFile(uintptr(s.fd), "connection")
	s.fd = -1
	w, err := net.FileConn(f) // which duplicates it
	f.Close()
	if err != nil {
		return err
	}
	raw := rawConn(w)
	if !s.readBy.IsZero() {
		_ = w.SetReadDeadline(s.readBy)
	}
	if !s.writeBy.IsZero() {
		_ = w.SetWriteDeadline(s.writeBy)
	}
	s.wide, s.wideRaw = w, raw
	return nil
}

// narrow takes it out of the runtime's poller. It reports false if there is no
// descriptor for that: then it stays wide.
func (s *socket) narrow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wide == nil {
		return s.fd >= 0
	}
	fd := -1
	_ = s.wideRaw.Control(func(own uintptr) { fd, _ = poller.Duplicate(int(own)) })
	if fd < 0 {
		return false
	}
	s.wide.Close()
	s.fd, s.wide, s.wideRaw = fd, nil, nil
	s.clearDeadlines()
	return true
}

// let lets go of the wide connection, which is somebody else's now.
func (s *socket) let() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wide, s.wideRaw = nil, nil
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	if err := s.widen(); err != nil {
		return 0, err
	}
	return s.wide.Read(p)
}

// Write implements net.Conn.
func (s *socket) Write(p []byte) (n int, err error) {
	if s.wide == nil && !s.timed.Load() {
		if s.fd < 0 {
			return 0, net.ErrClosed
		}
		for n < len(p) && err == nil {
			var m int
			m, err = poller.Write(s.fd, p[n:], s.last)
			n += m
		}
		if err == nil || !wouldBlock(err) {
			return n, err
		}
	}
	if err := s.widen(); err != nil {
		return n, err
	}
	m, err := s.wide.Write(p[n:])
	return n + m, err
}

// ReadFrom implements io.ReaderFrom: the kernel sends files by itself.
func (s *socket) ReadFrom(r io.Reader) (int64, error) {
	if err := s.widen(); err != nil {
		return 0, err
	}
	return io.Copy(s.wide, r)
}

// Close implements net.Conn.
func (s *socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wide != nil {
		return s.wide.Close()
	}
	if s.fd >= 0 {
		poller.Close(s.fd)
		s.fd = -1
	}
	return nil
}

// sever ends the connection of somebody else, who will notice and close it.
func (s *socket) sever() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wide != nil {
		s.wide.Close()
	} else if s.fd >= 0 {
		_ = poller.Shutdown(s.fd, true) // it may have ended already
	}
}

// CloseWrite ends what is sent.
func (s *socket) CloseWrite() error {
	if half, ok := s.wide.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return poller.Shutdown(s.fd, false)
}

// LocalAddr implements net.Conn.
func (s *socket) LocalAddr() net.Addr { return s.local }

// RemoteAddr implements net.Conn.
func (s *socket) RemoteAddr() net.Addr { return s.remote }

// SetDeadline implements net.Conn.
func (s *socket) SetDeadline(t time.Time) error {
	_ = s.SetReadDeadline(t)
	return s.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (s *socket) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stamped.Store(true)
	s.readBy = t
	if s.wide != nil {
		return s.wide.SetReadDeadline(t)
	}
	return nil
}

// SetWriteDeadline implements net.Conn.
func (s *socket) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stamped.Store(true)
	s.writeBy = t
	s.timed.Store(!t.IsZero())
	if s.wide != nil {
		return s.wide.SetWriteDeadline(t)
	}
	return nil
}

// peek looks whether octets wait, and whether the client has closed its side.
func (s *socket) peek() (waiting, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wide != nil {
		return peek(s.wide)
	}
	return poller.Peek(s.fd)
}

// SyscallConn implements syscall.Conn.
func (s *socket) SyscallConn() (syscall.RawConn, error) { return (*rawSocket)(s), nil }

// rawSocket is a socket for reads that do not wait.
type rawSocket socket

// Control implements syscall.RawConn.
func (r *rawSocket) Control(f func(fd uintptr)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.wide != nil:
		return r.wideRaw.Control(f)
	case r.fd < 0:
		return net.ErrClosed
	}
	f(uintptr(r.fd))
	return nil
}

// Read implements syscall.RawConn.
func (r *rawSocket) Read(f func(fd uintptr) bool) error {
	if r.wide == nil {
		if r.fd >= 0 && f(uintptr(r.fd)) {
			return nil
		}
		if err := (*socket)(r).widen(); err != nil {
			return err
		}
	}
	return r.wideRaw.Read(f)
}

// Write implements syscall.RawConn.
func (r *rawSocket) Write(f func(fd uintptr) bool) error {
	if err := (*socket)(r).widen(); err != nil {
		return err
	}
	return r.wideRaw.Write(f)
}

// tcpAddr is an address with its octets, in one piece.
type tcpAddr struct {
	net.TCPAddr
	octets [16]byte
}

// addrOf is an address as package net has it. Handlers may keep it.
func addrOf(a netip.AddrPort) net.Addr {
	t := new(tcpAddr)
	t.IP = append(t.octets[:0], a.Addr().AsSlice()...)
	t.Port, t.Zone = int(a.Port()), a.Addr().Zone()
	return &t.TCPAddr
}
