//go:build !linux

package acceptlock

import "errors"

// Keeper is none.
type Keeper struct{}

// Open returns errors.ErrUnsupported.
func Open(Kind, string, int) (*Keeper, error) { return nil, errors.ErrUnsupported }

// Issue returns errors.ErrUnsupported.
func (k *Keeper) Issue() ([]int, error) { return nil, errors.ErrUnsupported }

// Bury does nothing.
func (k *Keeper) Bury(int) error { return nil }

// Close does nothing.
func (k *Keeper) Close() error { return nil }

// Take returns errors.ErrUnsupported.
func Take(Kind, []int, int) (Lock, error) { return nil, errors.ErrUnsupported }
