package fork

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/listen"
)

// Seats are the listening sockets of accepting children. There is a seat for
// each worker, with one socket for each listen address. The sockets belong to
// the parent until the server's end; a worker that is replaced hands its seat,
// with all connections that wait there, to its successor. The queue of a seat
// that nobody accepts from is given to another worker as well, so that nobody waits
// in vain; when the last worker goes, the seats go on listening, and are watched.
//
// UNIX sockets can have no siblings: there all seats share one socket.
type Seats struct {
	log       *slog.Logger
	addresses []seatAddress

	mu      sync.Mutex
	seats   []*seat
	holders []*holder // in the order of birth
	drained bool
	closed  bool
	vigil   vigil
	latched bool // nothing is to be accepted yet
}

// seatAddress is what a listen address has once, for all seats.
type seatAddress struct {
	addr    net.Addr
	backlog int
	shared  bool
	remove  func() // the path of a UNIX socket
	kept    bool   // the path is another process's to remove
	heirs   []int  // inherited sockets that no seat has yet
}

// seat is a row of sockets, one for each address.
type seat struct {
	fds []int // the same one in all seats where the address is shared
}

// holder is a worker with a seat.
type holder struct {
	id      int64
	seat    *seat
	ready   bool
	leaving bool
	adopted []adoption
	given   uint32 // how many seats it was ever given
	line    line
}

// OpenSeats binds all addresses, each exclusively, with count seats; more are
// bound when they are needed. With shared all seats share one socket for each
// address. Either all are bound or none. An error names the
// address; errors.Is finds syscall.EADDRINUSE and the like in it.
func OpenSeats(addresses []Address, count int, shared bool, log *slog.Logger) (*Seats, error) {
	if len(addresses) == 0 || len(addresses) > maxAddresses {
		return nil, fmt.Errorf("%w: %d listen addresses, at most %d are possible", ErrConfig, len(addresses), maxAddresses)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Seats{log: log}
	first := &seat{}
	s.seats = append(s.seats, first)
	for i, a := range addresses {
		if err := s.bind(first, a, shared); err != nil {
			for _, rest := range addresses[i+1:] {
				closeAll(rest.Inherited)
			}
			s.Close()
			return nil, err
		}
	}
	for len(s.seats) < count || s.inheriting() {
		if _, err := s.add(); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// bind opens one address for the first seat. It listens from now on, which is
// what makes it exclusive; its siblings do so when they are first taken.
func (s *Seats) bind(first *seat, a Address, shared bool) error {
	fd, remove, err := descriptor(a)
	if err != nil {
		return err
	}
	first.fds = append(first.fds, fd)
	own := seatAddress{backlog: a.Backlog, remove: remove}
	if len(a.Inherited) > 0 {
		own.kept, own.heirs = true, a.Inherited[1:]
	}
	s.addresses = append(s.addresses, own)
	at := &s.addresses[len(s.addresses)-1]
	if at.addr, err = listen.Addr(fd); err != nil {
		return fmt.Errorf("listen %s: %w", a.Address, err)
	}
	if at.shared = shared; shared {
		if n := len(at.heirs); n > 0 {
			// What waits in the others' queues would be lost.
			return fmt.Errorf("listen %s: %w: accept cannot change to one listener for all workers from %d, one for each: it needs a restart",
				at.addr, ErrConfig, n+1)
		}
		return nil
	}
	siblings, err := listen.Share(fd)
	if err != nil {
		return fmt.Errorf("listen %s: %w", at.addr, err)
	}
	if at.shared = !siblings; at.shared {
		closeAll(at.heirs)
		at.heirs = nil
		s.log.Info("a UNIX socket cannot have siblings, all workers share it", "listen", at.addr.String())
	}
	return nil
}

// descriptor is a listening socket for one address.
func descriptor(a Address) (fd int, remove func(), err error) {
	if len(a.Inherited) > 0 {
		return inherited(a)
	}
	if a.File == nil {
		l, err := listen.Open(a.Network, a.Address, listen.Options{Backlog: a.Backlog, Mode: a.Mode, Owner: a.Owner})
		if err != nil {
			return -1, nil, err
		}
		fd, remove, err := l.Detach()
		if err != nil {
			l.Close()
			return -1, nil, err
		}
		return fd, remove, nil
	}
	l, err := net.FileListener(a.File)
	if err != nil {
		return -1, nil, fmt.Errorf("listen on %s: %w", a.File.Name(), err)
	}
	own := &listen.Listener{Listener: l}
	fd, remove, err = own.Detach()
	if err == nil && a.Backlog > 0 {
		err = listen.Listen(fd, a.Backlog)
	}
	if err != nil {
		own.Close()
		return -1, nil, fmt.Errorf("listen on %s: %w", a.File.Name(), err)
	}
	return fd, remove, nil
}

// add binds the sockets of one more seat.
func (s *Seats) add() (*seat, error) {
	first, next := s.seats[0], &seat{}
	for i, a := range s.addresses {
		fd, err := first.fds[i], error(nil)
		switch {
		case a.shared:
		case len(a.heirs) > 0:
			fd, s.addresses[i].heirs = a.heirs[0], a.heirs[1:]
		default:
			fd, err = listen.Sibling(first.fds[i])
		}
		if err != nil {
			next.close(first)
			return nil, fmt.Errorf("listen %s: seat %d: %w", a.addr, len(s.seats), err)
		}
		next.fds = append(next.fds, fd)
	}
	s.seats = append(s.seats, next)
	return next, nil
}

// close closes the sockets that are not those of the first seat.
func (t *seat) close(first *seat) {
	for i, fd := range t.fds {
		if t == first || fd != first.fds[i] {
			unix.Close(fd)
		}
	}
}

// Addrs are the addresses that are bound, with the ports that were picked.
func (s *Seats) Addrs() []net.Addr {
	addrs := make([]net.Addr, len(s.addresses))
	for i, a := range s.addresses {
		addrs[i] = a.addr
	}
	return addrs
}

// Drain says that all workers are about to leave: their seats are not given to
// those that leave last.
func (s *Seats) Drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drained = true
	s.look()
}

// Close closes all seats, and with them the connections that still wait there,
// and removes the paths of UNIX sockets that are still ours. The workers must be
// gone.
func (s *Seats) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.vigil.end()
	for _, a := range s.addresses {
		if !a.kept {
			a.remove()
		}
		closeAll(a.heirs)
	}
	for i := len(s.seats) - 1; i >= 0; i-- {
		s.seats[i].close(s.seats[0])
	}
	return nil
}

// take gives a worker that is about to start a seat: its predecessor's, or one
// that nobody has, first of all one in which connections may be waiting.
func (s *Seats) take(id, predecessor int64, line line) (*seat, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("fork: seats: %w", net.ErrClosed)
	}
	h := &holder{id: id, seat: s.choose(predecessor), line: line}
	if h.seat == nil {
		var err error
		if h.seat, err = s.add(); err != nil {
			// The worker is of use all the same, at somebody else's seat.
			h.seat = s.seats[int(id)%len(s.seats)]
			s.log.Warn("a worker has to share its seat", "error", err)
		}
	}
	s.holders = append(s.holders, h)
	return h.seat, nil
}

func (s *Seats) choose(predecessor int64) *seat {
	taken := make(map[*seat]bool)
	for _, h := range s.holders {
		if h.id == predecessor && predecessor != 0 {
			return h.seat
		}
		if !h.leaving {
			taken[h.seat] = true
		}
	}
	var vacant *seat
	for _, t := range s.seats {
		if taken[t] {
			continue
		}
		if s.listening(t) {
			return t
		}
		if vacant == nil {
			vacant = t
		}
	}
	return vacant
}

// listening reports whether connections can be waiting in a seat of its own.
func (s *Seats) listening(t *seat) bool {
	for i, fd := range t.fds {
		if s.addresses[i].shared {
			continue
		}
		if listens(fd) {
			return true
		}
	}
	return false
}

// ready notes that a worker accepts from its seat. The worker has made it
// listen, with the system's backlog.
func (s *Seats) ready(id int64) {
	s.change(id, func(h *holder) {
		h.ready = true
		if s.latched {
			return
		}
		for i, fd := range h.seat.fds {
			if a := s.addresses[i]; a.backlog > 0 && !a.shared {
				if err := listen.Listen(fd, a.backlog); err != nil {
					s.log.Warn("backlog cannot be set", "listen", a.addr.String(), "error", err)
				}
			}
		}
	})
}

// leave notes that a worker accepts no more.
func (s *Seats) leave(id int64) { s.change(id, func(h *holder) { h.leaving = true }) }

func (s *Seats) change(id int64, f func(*holder)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.holders {
		if h.id == id {
			f(h)
		}
	}
	s.settle()
}

// remove notes that a worker is gone.
func (s *Seats) remove(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, h := range s.holders {
		if h.id == id {
			s.holders = append(s.holders[:i], s.holders[i+1:]...)
			break
		}
	}
	s.settle()
}

// settle gives every seat that listens, but that nobody accepts from, to the
// worker with the fewest, the oldest of them, until the seat has a worker of its own,
// and watches what nobody can take.
func (s *Seats) settle() {
	if s.closed || s.drained {
		return
	}
	s.takeBack()
	served := s.served()
	for _, t := range s.seats {
		if served[t] || !s.listening(t) {
			continue
		}
		hosts := slices.DeleteFunc(slices.Clone(s.holders), func(h *holder) bool { return !h.ready || h.leaving })
		slices.SortStableFunc(hosts, func(a, b *holder) int { return len(a.adopted) - len(b.adopted) })
		for _, h := range hosts {
			if s.give(h, t) {
				break
			}
		}
	}
	s.look()
}

// served are the seats that ready workers accept from.
func (s *Seats) served() map[*seat]bool {
	served := make(map[*seat]bool)
	for _, h := range s.holders {
		if h.ready && !h.leaving {
			served[h.seat] = true
			for _, a := range h.adopted {
				served[a.seat] = true
			}
		}
	}
	return served
}
