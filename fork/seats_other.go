//go:build !linux

package fork

import (
	"errors"
	"log/slog"
	"net"
)

// Seats are the listening sockets of accepting children.
type Seats struct{}

// OpenSeats returns errors.ErrUnsupported.
func OpenSeats([]Address, int, bool, *slog.Logger) (*Seats, error) {
	return nil, errors.ErrUnsupported
}

// Addrs is nil.
func (*Seats) Addrs() []net.Addr { return nil }

// Drain does nothing.
func (*Seats) Drain() {}

// Latch does nothing.
func (*Seats) Latch() {}

// Open returns errors.ErrUnsupported.
func (*Seats) Open() error { return errors.ErrUnsupported }

// Keep does nothing.
func (*Seats) Keep(bool) {}

// Descriptors returns errors.ErrUnsupported.
func (*Seats) Descriptors(int) ([]int, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (*Seats) Close() error { return nil }

// Watch returns errors.ErrUnsupported.
func (*Seats) Watch(func()) error { return errors.ErrUnsupported }

// Waiting is 0.
func (*Seats) Waiting(bool) int { return 0 }
