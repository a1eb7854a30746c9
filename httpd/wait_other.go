//go:build !linux

package httpd

import "net"

// rawWaiter does nothing here: there are no children.
type rawWaiter struct{}

func newRawWaiter(net.Conn) *rawWaiter { return nil }

func (*rawWaiter) wait() {}
