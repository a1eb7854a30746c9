//go:build !linux

package fdpass

import (
	"errors"
	"net"
	"os"
)

// Most is how many descriptors fit into one datagram.
const Most = 253

var (
	// ErrFull says that the peer does not read.
	ErrFull = errors.New("fdpass: socket buffer is full")
	// ErrTruncated says that a datagram was longer than the buffer.
	ErrTruncated = errors.New("fdpass: datagram cut off")
)

// Pair returns errors.ErrUnsupported.
func Pair() (*net.UnixConn, int, error) { return nil, -1, errors.ErrUnsupported }

// Conn returns errors.ErrUnsupported.
func Conn(int) (*net.UnixConn, error) { return nil, errors.ErrUnsupported }

// Send returns errors.ErrUnsupported.
func Send(*net.UnixConn, []byte, ...int) error { return errors.ErrUnsupported }

// TrySend returns errors.ErrUnsupported.
func TrySend(*net.UnixConn, []byte, ...int) error { return errors.ErrUnsupported }

// Discard closes files without waiting.
func Discard(files ...*os.File) {
	for _, f := range files {
		go f.Close()
	}
}

// Receive returns errors.ErrUnsupported.
func Receive(*net.UnixConn, []byte) (int, []*os.File, error) {
	return 0, nil, errors.ErrUnsupported
}
