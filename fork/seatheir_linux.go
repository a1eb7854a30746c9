package fork

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/listen"
)

// inherited is the first seat's socket of an address that another process has
// bound.
func inherited(a Address) (fd int, remove func(), err error) {
	fail := func(err error) (int, func(), error) {
		closeAll(a.Inherited[1:])
		return -1, nil, fmt.Errorf("listen %s: %w", a.Address, err)
	}
	l, err := listen.Inherit(a.Inherited[0], listen.Options{Backlog: a.Backlog})
	if err != nil {
		return fail(err)
	}
	// Whether the path is removed is decided in Close.
	l.Keep(false)
	if fd, remove, err = l.Detach(); err != nil {
		l.Keep(true)
		l.Close()
		return fail(err)
	}
	return fd, remove, nil
}

// inheriting reports whether there are inherited sockets that no seat has yet.
func (s *Seats) inheriting() bool {
	for _, a := range s.addresses {
		if len(a.heirs) > 0 {
			return true
		}
	}
	return false
}

// Latch keeps the seats from listening that do not yet: Open is called before
// anybody accepts from them.
func (s *Seats) Latch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latched = true
}

// Open makes the seats of workers that are ready listen.
func (s *Seats) Open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latched = false
	for _, h := range s.holders {
		for i, fd := range h.seat.fds {
			if a := s.addresses[i]; h.ready && !a.shared && (a.backlog > 0 || !listen.Listening(fd)) {
				if err := listen.Listen(fd, a.backlog); err != nil {
					return fmt.Errorf("fork: seat of %s: %w", a.addr, err)
				}
			}
		}
	}
	return nil
}

// Keep says whether the paths of UNIX sockets stay when the seats are closed,
// because another process has the sockets, too, and the paths are its to remove.
func (s *Seats) Keep(keep bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.addresses {
		s.addresses[i].kept = keep
	}
}

// Descriptors are other descriptors of all sockets of an address, a seat's each,
// the first one's first. They belong to the caller.
func (s *Seats) Descriptors(address int) ([]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fds []int
	for i, t := range s.seats {
		if i > 0 && s.addresses[address].shared {
			break
		}
		fd, err := unix.FcntlInt(uintptr(t.fds[address]), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			closeAll(fds)
			return nil, fmt.Errorf("fork: descriptor of a seat: %w", err)
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
