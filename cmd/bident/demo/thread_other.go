//go:build !linux

package demo

import (
	"errors"
	"time"
)

// threadTime is only there on Linux.
func threadTime() (time.Duration, error) { return 0, errors.ErrUnsupported }
