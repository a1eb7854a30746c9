package ferry

import (
	"errors"
	"net"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/fdpass"
)

// bound runs f in a thread that the kernel's bound on descriptors in flight holds
// for: root's is none. The thread ends with it.
func bound(t testing.TB, f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for ever
		var caps [2]unix.CapUserData
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &caps[0]); err != nil {
			t.Error(err)
			return
		}
		f()
	}()
	return done
}

// crowd takes all descriptors in flight that the user may have, until the sockets
// that it returns are closed.
func crowd(t *testing.T) (full, other *net.UnixConn) {
	t.Helper()
	full, other = sockets(t)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) })
	low := limit
	low.Cur = min(limit.Cur, 1024)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	<-bound(t, func() {
		fds := make([]int, fdpass.Most)
		for range 1024 {
			if err := fdpass.TrySend(full, []byte("x"), fds...); err != nil {
				if !errors.Is(err, syscall.ETOOMANYREFS) {
					t.Errorf("got %v, want ETOOMANYREFS", err)
				}
				return
			}
		}
		t.Error("there is no bound")
	})
	if t.Failed() {
		t.FailNow()
	}
	return full, other
}

// TestTooManyDescriptorsInFlight is a user who has sent as many descriptors as the
// kernel allows, which nobody has received: parcels wait until somebody does.
func TestTooManyDescriptorsInFlight(t *testing.T) {
	a, _, _, atB := ports(t)
	full, other := crowd(t)
	conn, _ := connection(t)
	sent := bound(t, func() {
		if err := a.Send(Parcel{Conn: conn}); err != nil {
			t.Error(err)
		}
	})
	until(t, "about to be sent", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.waiting) == 1
	})
	other.Close()
	full.Close()
	<-sent
	next(t, atB)
}

// TestTooManyDescriptorsForEver: nobody receives them. Parcels are refused after a
// while, all that wait together, and still belong to their sender; later ones are sent.
func TestTooManyDescriptorsForEver(t *testing.T) {
	a, _, _, atB := ports(t)
	full, other := crowd(t)
	var refused [8]<-chan struct{}
	unread := make([]byte, 3*maxPiece) // some of it is sent before its descriptor cannot be
	for i := range refused {
		conn, client := connection(t)
		refused[i] = bound(t, func() {
			if err := a.Send(Parcel{Conn: conn, Unread: unread}); !errors.Is(err, ErrRefused) {
				t.Errorf("got %v, want ErrRefused", err)
			}
			if err := conn.Close(); err != nil {
				t.Error("it was the sender's:", err)
			}
		})
		defer mustEnd(t, client)
	}
	for _, done := range refused {
		<-done
	}
	if n := len(a.waiting); n > 0 || a.aboard > 0 || a.octets > 0 {
		t.Errorf("%d wait, %d are aboard with %d octets", n, a.aboard, a.octets)
	}
	other.Close()
	full.Close()
	conn, _ := connection(t)
	if err := a.Send(Parcel{Conn: conn, Unread: []byte("later")}); err != nil {
		t.Error(err)
	}
	if p := next(t, atB); string(p.Unread) != "later" {
		t.Errorf("%d octets arrived", len(p.Unread))
	}
}
