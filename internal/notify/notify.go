package notify

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// Variable names the manager's socket: a path, or an abstract name after "@".
const Variable = "NOTIFY_SOCKET"

// Send sends lines such as "READY=1". The error is nil if nobody wants to know.
func Send(lines ...string) error {
	name := os.Getenv(Variable)
	if name == "" {
		return nil
	}
	if name[0] != '/' && name[0] != '@' {
		return fmt.Errorf("notify: %s is %q: neither a path nor an abstract name", Variable, name)
	}
	// Package net takes "@" for the NUL octet of an abstract name, too.
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}
