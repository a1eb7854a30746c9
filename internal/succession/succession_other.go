//go:build !linux

package succession

import (
	"context"
	"errors"
	"net"
	"time"
)

// Successor is the process that is to take this one's place. There is none here.
type Successor struct{}

// Start returns errors.ErrUnsupported.
func Start(string, []string, []string, Manifest) (*Successor, error) {
	return nil, errors.ErrUnsupported
}

// PID is 0.
func (*Successor) PID() int { return 0 }

// Ferry is nil.
func (*Successor) Ferry() *net.UnixConn { return nil }

// Stops is nil.
func (*Successor) Stops() <-chan string { return nil }

// Ended is nil.
func (*Successor) Ended() <-chan struct{} { return nil }

// Await returns errors.ErrUnsupported.
func (*Successor) Await(context.Context) error { return errors.ErrUnsupported }

// Yield returns errors.ErrUnsupported.
func (*Successor) Yield(context.Context) error { return errors.ErrUnsupported }

// Abandon does nothing.
func (*Successor) Abandon(time.Duration) {}

// Close does nothing.
func (*Successor) Close() {}

// Forward returns errors.ErrUnsupported.
func (*Successor) Forward(string) error { return errors.ErrUnsupported }

// Heritage is what this process has from its predecessor. There is none here.
type Heritage struct{ Manifest }

// Current is nil: no process is a successor.
func Current() (*Heritage, error) { return nil, nil }

// Claim does nothing.
func (*Heritage) Claim() {}

// Predecessor is 0.
func (*Heritage) Predecessor() int { return 0 }

// Ferry is nil.
func (*Heritage) Ferry() *net.UnixConn { return nil }

// Signals is nil.
func (*Heritage) Signals() <-chan string { return nil }

// Refused is nil.
func (*Heritage) Refused() <-chan struct{} { return nil }

// Gone is nil.
func (*Heritage) Gone() <-chan struct{} { return nil }

// Ready returns errors.ErrUnsupported.
func (*Heritage) Ready(<-chan struct{}) error { return errors.ErrUnsupported }

// Taken does nothing.
func (*Heritage) Taken() {}

// Failed does nothing.
func (*Heritage) Failed(error) {}

// Stop does nothing.
func (*Heritage) Stop(time.Duration) {}

// Has is false.
func (*Heritage) Has(int) bool { return false }

// Take is -1.
func (*Heritage) Take(int) int { return -1 }
