//go:build !unix

package fork

import "errors"

// Drop returns errors.ErrUnsupported, unless there is nothing to do.
func (i *Isolation) Drop() error {
	if i.None() {
		return nil
	}
	return errors.ErrUnsupported
}
