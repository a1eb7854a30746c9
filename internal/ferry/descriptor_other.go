//go:build !linux

package ferry

import (
	"errors"
	"os"
)

// nonBlocking returns errors.ErrUnsupported.
func nonBlocking(*os.File) error { return errors.ErrUnsupported }
