//go:build !linux

package httpd

import (
	"errors"
	"os"
)

func dupFile(uintptr) (*os.File, error) { return nil, errors.ErrUnsupported }
