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

// Close does nothing.
func (*Seats) Close() error { return nil }
