//go:build !linux

package fork

import (
	"errors"

	"github.com/bident/bident/pool"
)

// Backend starts workers that are OS processes. There is none on this system.
type Backend struct{}

// New returns errors.ErrUnsupported.
func New(Config) (*Backend, error) { return nil, errors.ErrUnsupported }

// SetPayload returns errors.ErrUnsupported.
func (*Backend) SetPayload([]byte) error { return errors.ErrUnsupported }

// Start returns errors.ErrUnsupported.
func (*Backend) Start(pool.Spec, func(pool.Event)) (pool.Worker, error) {
	return nil, errors.ErrUnsupported
}

// Drain does nothing.
func (*Backend) Drain() {}

// Close does nothing.
func (*Backend) Close() error { return nil }
