//go:build !linux

package httpd

import "net"

// pending is not known here: progress is what writes tell.
func pending(net.Conn) (n int, ok bool) { return 0, false }
