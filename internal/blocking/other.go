//go:build !linux

package blocking

import (
	"errors"
	"net"
	"os"
	"time"
)

// Conn is a connection of package net.
type Conn struct{ net.Conn }

// Settle does nothing.
func (c *Conn) Settle() error { return nil }

// Listeners are none.
type Listeners struct{}

// Listen returns errors.ErrUnsupported.
func Listen([]net.Listener) (*Listeners, error) { return nil, errors.ErrUnsupported }

// Ports are none.
func (l *Listeners) Ports() []net.Listener { return nil }

// Vacate does nothing.
func (l *Listeners) Vacate() {}

// Claim reports false.
func (l *Listeners) Claim(time.Duration) bool { return false }

// Waiting reports false.
func (l *Listeners) Waiting() bool { return false }

// FromFile returns errors.ErrUnsupported.
func FromFile(*os.File) (*Conn, error) { return nil, errors.ErrUnsupported }

// Lock is never held.
type Lock interface {
	Lock() error
	Unlock() error
}

// Serialize returns errors.ErrUnsupported.
func Serialize([]net.Listener, Lock) ([]net.Listener, error) { return nil, errors.ErrUnsupported }
