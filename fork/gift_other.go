//go:build !linux

package fork

import (
	"errors"
	"os"
)

// GiveAll is not available here.
func (*Backend) GiveAll(string, *os.File) error { return errors.ErrUnsupported }
