//go:build !linux

package httpd

import (
	"errors"
	"net"
	"os"
)

// socketPair is not needed where no children accept.
func socketPair() (near net.Conn, far *os.File, err error) {
	return nil, nil, errors.ErrUnsupported
}
