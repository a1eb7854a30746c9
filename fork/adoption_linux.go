package fork

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
)

// adoption is a seat that a worker accepts from beside its own, because nobody else
// did. Parent and child both count the adoptions of the child, from 0.
type adoption struct {
	seat   *seat
	number uint32
}

// line is how the seats reach a worker: a *process. It must not block.
type line interface {
	adopt(addresses []byte, fds []int) error
	yield(number uint32) error
}

// give makes a worker accept from one more seat.
func (s *Seats) give(h *holder, t *seat) bool {
	var addresses []byte
	var fds []int
	for i, fd := range t.fds {
		if !s.addresses[i].shared {
			addresses = append(addresses, byte(i))
			fds = append(fds, fd)
		}
	}
	if err := h.line.adopt(addresses, fds); err != nil {
		if !errors.Is(err, net.ErrClosed) {
			s.log.Warn("a worker cannot take a seat over", "worker", h.id, "error", err)
		}
		return false
	}
	h.adopted = append(h.adopted, adoption{t, h.given})
	h.given++
	return true
}

// takeBack takes the seats that have a worker of their own again from those who
// helped out. If they went on, the oldest would get ever more of all connections as
// the number of workers goes up and down. What cannot be said now is said next time.
func (s *Seats) takeBack() {
	own := make(map[*seat]bool)
	for _, h := range s.holders {
		if h.ready && !h.leaving {
			own[h.seat] = true
		}
	}
	for _, h := range s.holders {
		if h.leaving {
			continue // it accepts from nothing any more
		}
		h.adopted = slices.DeleteFunc(h.adopted, func(a adoption) bool {
			return own[a.seat] && h.line.yield(a.number) == nil
		})
	}
}

// adoptions are the sockets that a child was given beside its seat, by number. They
// belong to the goroutine that listens to the parent.
type adoptions struct {
	next uint32
	held map[uint32][]net.Listener
}

// adopt makes listeners of the sockets that came with a message.
func (s *Self) adopt(addresses []byte, files []*os.File) {
	number := s.adopted.next
	s.adopted.next++
	out, err := listeners(files, true)
	if err != nil || len(out) != len(addresses) {
		fmt.Fprintf(os.Stderr, "cannot take a seat over: %d sockets for %d addresses, %v\n",
			len(out), len(addresses), err)
		return
	}
	c := Command{Kind: Adopt}
	for i, a := range addresses {
		for len(c.Listeners) <= int(a) {
			c.Listeners = append(c.Listeners, nil)
		}
		c.Listeners[a] = out[i]
	}
	if s.adopted.held == nil {
		s.adopted.held = make(map[uint32][]net.Listener)
	}
	s.adopted.held[number] = c.Listeners
	s.commands.put(c)
}

// yield gives up the sockets of an adoption.
func (s *Self) yield(number uint32) {
	if list := s.adopted.held[number]; list != nil {
		delete(s.adopted.held, number)
		s.commands.put(Command{Kind: Yield, Listeners: list})
	}
}
