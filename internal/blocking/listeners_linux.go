package blocking

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// acceptWait bounds an accept that waits. Its other purpose: a socket with a
	// bound is one on which a signal ends accept instead of restarting it.
	acceptWait = time.Second
	// deferAccept is how many seconds a client may stay silent before it is accepted
	// all the same: a process that is woken by the connection and again by the
	// request is woken once too often, and one that waits for the first octet serves
	// nobody else.
	deferAccept = 1
	// hotWaits is how many raw waits, of about 10 ms each, there are before a process
	// has nothing to do and waits as others do.
	hotWaits = 16
	// nudge is how often a thread that waits in accept is interrupted until it
	// has noticed: a signal may come before it waits.
	nudge = time.Millisecond
)

// Listeners are the addresses that this process accepts from, one connection at a
// time.
type Listeners struct {
	fds   []int
	local []net.Addr
	ports []*port
	// polled: connections are waited for in poll and not in accept.
	polled bool
	// single: there is one address, and one thread that runs Go code.
	single bool

	mu     sync.Mutex
	moved  sync.Cond
	inside bool // a thread waits for a connection
	tid    int  // which one, 0 if it cannot be interrupted
	hot    int  // how many raw waits are still worth it
	busy   bool // a connection is being served
	claims int  // who wants the turn
	last   bool // take what waits, and no more
	closed bool

	over  chan struct{} // closed when the first port has ended
	ended sync.Once
}

// Listen takes over listeners that are shared with other processes.
func Listen(shared []net.Listener) (*Listeners, error) {
	polled := len(shared) > 1 || slices.ContainsFunc(shared, multipath)
	fds, local, err := detachAll(shared, polled)
	if err != nil {
		return nil, err
	}
	l := &Listeners{
		fds: fds, local: local, over: make(chan struct{}),
		polled: polled, single: !polled && runtime.GOMAXPROCS(0) == 1,
	}
	l.moved.L = &l.mu
	for i, fd := range fds {
		if _, tcp := local[i].(*net.TCPAddr); tcp {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, deferAccept)
		}
		l.ports = append(l.ports, &port{group: l, index: i, accepted: make(chan arrival, 1)})
	}
	return l, nil
}

// detachAll takes listeners over. After an error they are as before.
func detachAll(shared []net.Listener, nonblocking bool) (fds []int, local []net.Addr, err error) {
	for _, s := range shared {
		fd, err := detach(s, nonblocking)
		if err != nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
			return nil, nil, fmt.Errorf("blocking: %s: %w", s.Addr(), err)
		}
		fds, local = append(fds, fd), append(local, s.Addr())
	}
	for _, s := range shared {
		s.Close()
	}
	return fds, local, nil
}

// multipath reports whether a listener takes multipath TCP, as those of net.Listen do.
// The kernel's accept waits there for as long as it takes, whatever the bound is, and
// no signal ends it.
func multipath(s net.Listener) bool {
	sc, ok := s.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	is := false
	_ = raw.Control(func(fd uintptr) { // closed: detach says so
		protocol, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PROTOCOL)
		is = err == nil && protocol == unix.IPPROTO_MPTCP
	})
	return is
}

// detach is the descriptor of a listener, in blocking mode or not. What every
// connection is to have it has itself, and they inherit it.
func detach(s net.Listener, nonblocking bool) (int, error) {
	sc, ok := s.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("%T has no descriptor", s)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var failed error
	err = raw.Control(func(own uintptr) { fd, failed = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 3) })
	if err = errors.Join(err, failed); err != nil {
		return -1, err
	}
	t := unix.NsecToTimeval(int64(acceptWait))
	err = errors.Join(unix.SetNonblock(fd, nonblocking),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &t))
	if _, tcp := s.Addr().(*net.TCPAddr); tcp && err == nil {
		// As package net does to every connection.
		err = errors.Join(
			unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1),
			unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15),
			unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15),
			unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 9))
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Ports are the listeners in the order of the addresses. Each must be accepted from
// by one goroutine.
func (l *Listeners) Ports() []net.Listener {
	list := make([]net.Listener, len(l.ports))
	for i, p := range l.ports {
		list[i] = p
	}
	return list
}

// Vacate says that the connection which was accepted, or claimed for, is over.
func (l *Listeners) Vacate() {
	l.mu.Lock()
	l.busy = false
	l.mu.Unlock()
	l.moved.Broadcast()
}

// Claim takes the turn for a connection from elsewhere, until Vacate. It waits so long
// for the connection that is being served, and reports false if that is not over by
// then, or nothing is accepted any more.
func (l *Listeners) Claim(patience time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claims++
	l.interrupt()
	late := false
	if l.busy {
		limit := time.AfterFunc(patience, func() {
			l.mu.Lock()
			late = true
			l.mu.Unlock()
			l.moved.Broadcast()
		})
		for l.busy && !late && !l.closed && !l.last {
			l.moved.Wait()
		}
		limit.Stop()
	}
	l.claims--
	if l.busy || l.closed || l.last {
		l.moved.Broadcast()
		return false
	}
	l.busy, l.hot = true, 0
	return true
}

// Waiting reports whether somebody waits: a connection to be accepted, or a Claim.
func (l *Listeners) Waiting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.claims > 0 {
		return true
	}
	for _, fd := range l.fds {
		set := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, _, errno := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&set[0])), 1,
			uintptr(unsafe.Pointer(&unix.Timespec{})), 0, 0, 0)
		if errno == 0 && n > 0 {
			return true
		}
	}
	return false
}

// wait waits for a connection, about a second at most. With last it takes one that
// is there, and EAGAIN says that none is.
//
// One address is waited for in accept, so that a connection wakes one process. With
// more there is no such system call: poll wakes all that are idle, and the first one
// gets it. So it is for an address whose accept cannot be interrupted.
func (l *Listeners) wait(last bool) (index int, a arrival, err error) {
	if last {
		return wait(l.fds, 0)
	}
	if !l.polled {
		begun := time.Now()
		a, err = accept4(l.fds[0])
		if err != unix.EAGAIN || time.Since(begun) > acceptWait/2 {
			return 0, a, err
		}
		// Another process has made the socket non-blocking.
	}
	return wait(l.fds, int(acceptWait/time.Millisecond))
}

// finish lets only what waits be accepted.
func (l *Listeners) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = true
	for _, fd := range l.fds {
		// So that nobody waits for a connection that another process has taken.
		// Processes that go on wait in poll.
		_ = unix.SetNonblock(fd, true)
	}
	l.interrupt()
}

// close ends accepting.
func (l *Listeners) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	l.interrupt()
	for _, fd := range l.fds {
		unix.Close(fd)
	}
	l.fds = nil
}

// interrupt ends the wait in accept; l.mu is held, and nobody waits there when it
// returns, as long as it is.
func (l *Listeners) interrupt() {
	l.claims++
	for l.inside {
		if l.tid != 0 {
			_ = unix.Tgkill(os.Getpid(), l.tid, unix.SIGURG)
		}
		again := time.AfterFunc(nudge, l.moved.Broadcast)
		l.moved.Wait()
		again.Stop()
	}
	l.claims--
	l.moved.Broadcast()
}

// yield lets the other goroutines have their turn; l.mu is held.
func (l *Listeners) yield() {
	l.mu.Unlock()
	runtime.Gosched()
	l.mu.Lock()
}

// next accepts a connection from one of the addresses, which it returns.
func (l *Listeners) next() (index int, a arrival, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for (l.busy || l.claims > 0) && !l.closed {
			l.moved.Wait()
		}
		if l.closed {
			return 0, a, net.ErrClosed
		}
		last := l.last
		l.inside = true
		if l.hot > 0 && !last {
			l.mu.Unlock()
			a, err = l.spin()
			l.mu.Lock()
		} else {
			runtime.LockOSThread()
			l.tid = unix.Gettid()
			l.mu.Unlock()
			index, a, err = l.wait(last)
			l.mu.Lock()
			l.tid = 0
			runtime.UnlockOSThread()
		}
		l.inside = false
		if l.claims > 0 {
			l.moved.Broadcast()
		}
		switch {
		case err == nil:
			l.busy = true
			if l.single {
				l.hot = hotWaits
			}
			return index, a, nil
		case err == unix.EINTR && l.hot > 0:
			l.hot--
			l.yield()
		case err == unix.EINTR, err == errWaited, err == unix.EAGAIN && !last:
			l.hot = 0
		case err == unix.EAGAIN:
			return 0, a, os.ErrDeadlineExceeded
		default:
			return 0, a, err
		}
	}
}
