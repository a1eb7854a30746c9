package httpd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// giveConn gives a client's connection to a child: the socket itself, or one end
// of a pair if there is TLS on it or octets of it were read already, whose other
// end this process joins with it. In any case the child gets something, which is
// at its end if the connection has broken.
func giveConn(give func(string, uintptr) error, name string, c *readConn) error {
	if c != nil && len(c.read) == 0 {
		if sc, ok := c.Conn.(syscall.Conn); ok {
			raw, err := sc.SyscallConn()
			if err == nil {
				var failed error
				err = raw.Control(func(fd uintptr) { failed = give(name, fd) })
				err = errors.Join(err, failed)
			}
			c.Close() // the child has a descriptor of its own
			return err
		}
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		if c != nil {
			c.Close()
		}
		return fmt.Errorf("httpd: socketpair: %w", err)
	}
	err = give(name, uintptr(pair[1]))
	syscall.Close(pair[1])
	file := os.NewFile(uintptr(pair[0]), name)
	defer file.Close()
	if c == nil {
		return err
	}
	near, e := net.FileConn(file)
	if err = errors.Join(err, e); err != nil {
		c.Close()
		return err
	}
	go join(c, near)
	return nil
}
