//go:build !linux || !(amd64 || arm64)

package poller

import (
	"errors"
	"net/netip"
)

// Supported says whether there is a Poller on this system.
const Supported = false

// Poller is a set of descriptors.
type Poller struct{}

// New fails with errors.ErrUnsupported; nothing else is ever called here.
func New() (*Poller, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (*Poller) Close() {}

// Add fails.
func (*Poller) Add(fd, tag int) error { return errors.ErrUnsupported }

// AddListener fails.
func (*Poller) AddListener(fd, tag int) error { return errors.ErrUnsupported }

// Remove does nothing.
func (*Poller) Remove(fd int) {}

// Poll finds nothing.
func (*Poller) Poll(milliseconds int) int { return 0 }

// Park finds nothing.
func (*Poller) Park() int { return 0 }

// Yield does nothing.
func (*Poller) Yield() {}

// Event is none.
func (*Poller) Event(i int) (tag int, last bool) { return 0, false }

// Accept fails.
func Accept(listener int) (fd int, remote netip.AddrPort, err error) {
	return -1, netip.AddrPort{}, errors.ErrUnsupported
}

// Local fails.
func Local(fd int) (netip.AddrPort, error) { return netip.AddrPort{}, errors.ErrUnsupported }

// Prepare fails.
func Prepare(listener int) error { return errors.ErrUnsupported }

// Read fails.
func Read(fd int, p []byte) (int, error) { return 0, errors.ErrUnsupported }

// Write fails.
func Write(fd int, p []byte, more bool) (int, error) { return 0, errors.ErrUnsupported }

// Peek finds nothing.
func Peek(fd int) (waiting, closed bool) { return false, false }

// Shutdown fails.
func Shutdown(fd int, both bool) error { return errors.ErrUnsupported }

// Close does nothing.
func Close(fd int) {}

// Duplicate fails.
func Duplicate(fd int) (int, error) { return -1, errors.ErrUnsupported }
