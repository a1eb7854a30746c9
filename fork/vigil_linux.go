package fork

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/park"
)

// vigil watches the sockets from which no worker accepts, for connections that
// wait there. All but call belongs to Seats.mu.
type vigil struct {
	lot     *park.Lot
	watched map[int]bool
	call    atomic.Pointer[func()]
}

// Watch makes the seats call f when a connection waits in a socket from which no
// ready worker accepts: there may be none at all, with a number of workers that
// follows the load. f is called once for each change of the workers that leaves it
// so; it must not block nor ask the seats for anything, and may be called although the
// connection is in good hands by now. Close ends it, and so does Drain.
func (s *Seats) Watch(f func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vigil.call.Store(&f)
	if s.vigil.lot != nil || s.closed {
		return nil
	}
	lot, err := park.Open(func([]uint64) { (*s.vigil.call.Load())() })
	if err != nil {
		return fmt.Errorf("fork: seats: %w", err)
	}
	s.vigil.lot, s.vigil.watched = lot, make(map[int]bool)
	s.look()
	return nil
}

// Waiting is the number of connections that wait in sockets from which no ready
// worker accepts; with all also of those that wait for workers that accept only when
// they have nothing else to do. What the kernel does not count, in UNIX sockets, is
// one. After Drain and Close it is 0. It does not wait.
func (s *Seats) Waiting(all bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.drained {
		return 0
	}
	var list []unix.PollFd
	for fd, served := range s.sockets() {
		if all || !served {
			list = append(list, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
	}
	if len(list) == 0 {
		return 0
	}
	if n, err := unix.Poll(list, 0); err != nil || n == 0 {
		return 0 // interrupted: there will be another time
	}
	n := 0
	for _, p := range list {
		if p.Revents&unix.POLLIN != 0 {
			n += max(backlog(int(p.Fd)), 1)
		}
	}
	return n
}

// backlog is how many connections wait to be accepted, 0 if the kernel does not say.
func backlog(fd int) int {
	// Of a socket that listens, that is what the field has (tcp_get_info).
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0
	}
	return int(info.Unacked)
}

// sockets are all that listen, and whether a ready worker accepts from them.
func (s *Seats) sockets() map[int]bool {
	sockets := make(map[int]bool)
	served := s.served()
	for _, t := range s.seats {
		for _, fd := range t.fds {
			if served[t] {
				sockets[fd] = true
			} else if !sockets[fd] && listens(fd) {
				sockets[fd] = false
			}
		}
	}
	return sockets
}

// listens reports whether connections can be waiting in a socket.
func listens(fd int) bool {
	on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	return err == nil && on != 0
}

// look begins to watch the sockets from which nobody accepts any more, and those
// anew in which something has been seen, and ends to watch the others. s.mu is held.
func (s *Seats) look() {
	l := &s.vigil
	if l.lot == nil {
		return
	}
	for fd := range l.watched {
		_ = l.lot.Remove(uintptr(fd))
	}
	clear(l.watched)
	if s.closed || s.drained {
		return
	}
	for fd, served := range s.sockets() {
		if served {
			continue
		}
		if err := l.lot.Add(uintptr(fd), uint64(fd)); err != nil {
			s.log.Warn("a socket cannot be watched, a connection may have to wait a moment longer", "error", err)
			continue
		}
		l.watched[fd] = true
	}
}

// end ends the watch of all; nothing is called any more when it returns.
func (l *vigil) end() {
	if l.lot != nil {
		l.lot.Close()
	}
}
