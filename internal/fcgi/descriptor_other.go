//go:build !linux

package fcgi

import "errors"

// descriptor is known on Linux only; elsewhere connections are used through
// net.Conn, which costs a buffer while waiting and, for a request beyond
// 4 KiB, a goroutine that writes it.
type descriptor struct{}

func openDescriptor(any) (*descriptor, error) { return nil, errors.ErrUnsupported }

func (*descriptor) read(*Reader) (int, error) { return 0, errors.ErrUnsupported }

func (*descriptor) write([]byte) (int, error) { return 0, errors.ErrUnsupported }

func (*descriptor) idle() error { return errors.ErrUnsupported }
