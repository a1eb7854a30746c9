package ferry

import (
	"errors"
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

// TestTooManyDescriptorsInFlight is a user who has sent as many descriptors as the
// kernel allows, which nobody has received: parcels wait until somebody does.
func TestTooManyDescriptorsInFlight(t *testing.T) {
	a, _, _, atB := ports(t)
	full, other := sockets(t)
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
		return
	}
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
