//go:build !linux

package title

import "errors"

// Set returns errors.ErrUnsupported.
func Set(string) error { return errors.ErrUnsupported }

// Name returns errors.ErrUnsupported.
func Name(string) error { return errors.ErrUnsupported }
