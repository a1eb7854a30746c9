//go:build !unix

package httpd

import "net"

// unread cannot be told here.
func unread(net.Conn, error) bool { return false }
