//go:build !linux

package listen

import (
	"errors"
	"net"
	"os"
	"time"
)

// Door accepts connections as plain descriptors, for another process to serve.
type Door struct{}

// Door fails: the error is errors.ErrUnsupported.
func (l *Listener) Door() (*Door, error) { return nil, errors.ErrUnsupported }

// Addr is the address of the listener.
func (d *Door) Addr() net.Addr { return nil }

// Accept fails: the error is errors.ErrUnsupported.
func (d *Door) Accept() (*os.File, error) { return nil, errors.ErrUnsupported }

// SetDeadline does nothing.
func (d *Door) SetDeadline(time.Time) error { return nil }

// Close does nothing.
func (d *Door) Close() error { return nil }
