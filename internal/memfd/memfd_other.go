//go:build !linux

package memfd

import (
	"errors"
	"os"
)

// ErrUnsealed says that a file given as shared memory could still be truncated.
var ErrUnsealed = errors.New("memfd: size is not sealed")

// Shared returns errors.ErrUnsupported.
func Shared(string, int) (*os.File, error) { return nil, errors.ErrUnsupported }

// Frozen returns errors.ErrUnsupported.
func Frozen(string, []byte) (*os.File, error) { return nil, errors.ErrUnsupported }

// Map returns errors.ErrUnsupported.
func Map(*os.File) ([]byte, error) { return nil, errors.ErrUnsupported }

// Unmap returns errors.ErrUnsupported.
func Unmap([]byte) error { return errors.ErrUnsupported }

// ReadAll returns errors.ErrUnsupported.
func ReadAll(*os.File) ([]byte, error) { return nil, errors.ErrUnsupported }
