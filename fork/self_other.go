//go:build !linux

package fork

import (
	"errors"
	"net"

	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/pool"
)

// Self is a child's view of itself.
type Self struct{ Identity }

// InChild is false: no process is a child on this system.
func InChild() bool { return false }

// Current is nil: no process is a child on this system.
func Current() *Self { return nil }

// Claim does nothing.
func (*Self) Claim() {}

// Listeners returns errors.ErrUnsupported.
func (*Self) Listeners() ([]net.Listener, error) { return nil, errors.ErrUnsupported }

// Ready returns errors.ErrUnsupported.
func (*Self) Ready() error { return errors.ErrUnsupported }

// InitFailed returns errors.ErrUnsupported.
func (*Self) InitFailed(error) error { return errors.ErrUnsupported }

// Report returns errors.ErrUnsupported.
func (*Self) Report(pool.Event) error { return errors.ErrUnsupported }

// Crashed returns errors.ErrUnsupported.
func (*Self) Crashed(error, string) error { return errors.ErrUnsupported }

// Commands is nil.
func (*Self) Commands() <-chan Command { return nil }

// Send returns errors.ErrUnsupported.
func (*Self) Send(ferry.Parcel) error { return errors.ErrUnsupported }

// Arrivals does nothing.
func (*Self) Arrivals(func(ferry.Parcel)) {}
