//go:build !linux

package httpd

import (
	"errors"
	"os"
)

// openSharedLog is not available here, where no children accept.
func openSharedLog(string) (*os.File, error) { return nil, errors.ErrUnsupported }
