//go:build !unix

package httpd

import "net"

// readable cannot look without reading here.
func readable(net.Conn) bool { return false }
