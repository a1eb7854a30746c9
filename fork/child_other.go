//go:build !linux

package fork

import (
	"errors"
	"net"
	"time"

	"github.com/bident/bident/internal/ferry"
)

// Child is a child as the parent's lanes see it.
type Child struct{}

// Dial returns errors.ErrUnsupported.
func (*Child) Dial() (net.Conn, error) { return nil, errors.ErrUnsupported }

// Give is not available here.
func (*Child) Give(string, uintptr) error { return errors.ErrUnsupported }

// Slot is 0.
func (*Child) Slot() int { return 0 }

// PID is 0.
func (*Child) PID() int { return 0 }

// Exited is nil.
func (*Child) Exited() <-chan struct{} { return nil }

// External is false.
func (*Child) External() bool { return false }

// GiveUp is not available here.
func (*Child) GiveUp(string) {}

// Pending is false.
func (*Child) Pending() bool { return false }

// StartTimeout is 0.
func (*Child) StartTimeout() time.Duration { return 0 }

// Path is empty.
func (*Child) Path() string { return "" }

// Unfit is not available here.
func (*Child) Unfit(error) {}

// Send is not available here.
func (*Child) Send(ferry.Parcel) error { return errors.ErrUnsupported }
