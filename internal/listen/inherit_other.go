//go:build !linux

package listen

import (
	"errors"
	"net"
)

// Inherit returns errors.ErrUnsupported.
func Inherit(int, Options) (*Listener, error) { return nil, errors.ErrUnsupported }

// Adopt returns errors.ErrUnsupported.
func Adopt(int) (int, error) { return -1, errors.ErrUnsupported }

// Descriptor returns errors.ErrUnsupported.
func (l *Listener) Descriptor() (int, error) { return -1, errors.ErrUnsupported }

// Listening is false.
func Listening(int) bool { return false }

// Start returns errors.ErrUnsupported.
func Start(net.Listener) error { return errors.ErrUnsupported }

// Prompt does nothing.
func Prompt(int) {}

// CloseDescriptor does nothing.
func CloseDescriptor(int) {}

// Keep does nothing.
func (l *Listener) Keep(bool) {}
