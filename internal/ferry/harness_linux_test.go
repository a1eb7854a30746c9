package ferry

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/fdpass"
)

// patience is how long a test waits for what must happen, before it gives up.
const patience = 30 * time.Second

// sockets are the two ends of what ports need.
func sockets(t testing.TB) (a, b *net.UnixConn) {
	t.Helper()
	a, fd, err := fdpass.Pair()
	if err != nil {
		t.Fatal(err)
	}
	if b, err = fdpass.Conn(fd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// ports are two of them, each with what arrives there.
func ports(t testing.TB) (a, b *Port, atA, atB chan Parcel) {
	t.Helper()
	one, two := sockets(t)
	atA, atB = make(chan Parcel, 1000), make(chan Parcel, 1000)
	a = NewPort(one, func(p Parcel) { atA <- p })
	b = NewPort(two, func(p Parcel) { atB <- p })
	t.Cleanup(func() { a.Close(); b.Close(); a.Wait(); b.Wait() })
	return a, b, atA, atB
}

// connection is a client's connection and the client's end of it, which ends when
// nobody has the connection any more.
func connection(t testing.TB) (*os.File, net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	client, err := fdpass.Conn(fds[1])
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fds[0]), "client")
	t.Cleanup(func() { f.Close(); client.Close() })
	return f, client
}

// mustEnd waits until nobody has the client's connection any more.
func mustEnd(t testing.TB, client net.Conn) {
	t.Helper()
	client.SetReadDeadline(time.Now().Add(patience))
	if n, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("somebody has the connection: %d octets, %v", n, err)
	}
}

// next waits for the next parcel.
func next(t testing.TB, arrivals <-chan Parcel) Parcel {
	t.Helper()
	select {
	case p := <-arrivals:
		t.Cleanup(p.Close)
		return p
	case <-time.After(patience):
		t.Fatal("nothing arrived")
	}
	panic("unreachable")
}

// until waits for a condition that nobody announces.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
