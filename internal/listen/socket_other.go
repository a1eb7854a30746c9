//go:build !linux

package listen

import (
	"errors"
	"net"
	"syscall"
)

func prepare(syscall.RawConn, string, Options) error { return nil }

func setBacklog(net.Listener, int) error { return nil }

// Listen returns errors.ErrUnsupported.
func Listen(int, int) error { return errors.ErrUnsupported }

// Detach returns errors.ErrUnsupported.
func (l *Listener) Detach() (fd int, remove func(), err error) {
	return -1, nil, errors.ErrUnsupported
}

// Addr returns errors.ErrUnsupported.
func Addr(int) (net.Addr, error) { return nil, errors.ErrUnsupported }

// Share returns errors.ErrUnsupported.
func Share(int) (bool, error) { return false, errors.ErrUnsupported }

// Sibling returns errors.ErrUnsupported.
func Sibling(int) (int, error) { return -1, errors.ErrUnsupported }
