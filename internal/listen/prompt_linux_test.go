package listen

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestPrompt(t *testing.T) {
	fd := detached(t, "tcp", "127.0.0.1:0")
	deferred := func() int {
		n, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 1); err != nil || deferred() == 0 {
		t.Fatalf("%d seconds, %v", deferred(), err)
	}
	if Prompt(fd); deferred() != 0 {
		t.Errorf("waits for octets for %d seconds", deferred())
	}
}
