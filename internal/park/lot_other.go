//go:build !linux

package park

import "errors"

// Lot watches descriptors that others own.
type Lot struct{}

// Open fails: the error is errors.ErrUnsupported.
func Open(func([]uint64)) (*Lot, error) { return nil, errors.ErrUnsupported }

// Add fails: the error is errors.ErrUnsupported.
func (*Lot) Add(uintptr, uint64) error { return errors.ErrUnsupported }

// Remove fails: the error is errors.ErrUnsupported.
func (*Lot) Remove(uintptr) error { return errors.ErrUnsupported }

// Close does nothing.
func (*Lot) Close() error { return nil }

// Look knows nothing.
func Look(uintptr) (waiting, gone bool) { return false, false }
