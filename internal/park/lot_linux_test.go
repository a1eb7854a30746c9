package park_test

import (
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/park"
)

// pair makes two connected sockets that do not block.
func pair(t *testing.T) (near, far int) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Close(fds[0])
		syscall.Close(fds[1])
	})
	return fds[0], fds[1]
}

func open(t *testing.T) (*park.Lot, chan uint64) {
	t.Helper()
	heard := make(chan uint64, 1000)
	l, err := park.Open(func(tokens []uint64) {
		for _, one := range tokens {
			heard <- one
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, heard
}

func next(t *testing.T, heard chan uint64) uint64 {
	t.Helper()
	select {
	case one := <-heard:
		return one
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was reported")
		return 0
	}
}

func TestLot(t *testing.T) {
	l, heard := open(t)
	const token = 1<<63 | 0xdeadbeef
	near, far := pair(t)
	if err := l.Add(uintptr(near), token); err != nil {
		t.Fatal(err)
	}
	if waiting, gone := park.Look(uintptr(near)); waiting || gone {
		t.Errorf("idle: waiting %t, gone %t", waiting, gone)
	}
	for round := range 3 {
		syscall.Write(far, []byte("x"))
		if got := next(t, heard); got != token {
			t.Errorf("token %x", got)
		}
		if waiting, gone := park.Look(uintptr(near)); !waiting || gone {
			t.Errorf("octets wait: waiting %t, gone %t", waiting, gone)
		}
		syscall.Write(far, []byte("y")) // not reported: only once
		if err := l.Remove(uintptr(near)); err != nil {
			t.Fatal(err)
		}
		if n, err := syscall.Read(near, make([]byte, 8)); n != 2 {
			t.Fatal(n, err)
		}
		if err := l.Add(uintptr(near), token); err != nil {
			t.Fatal(round, err)
		}
	}
	syscall.Write(far, []byte("z"))
	syscall.Shutdown(far, syscall.SHUT_WR)
	next(t, heard)
	if waiting, gone := park.Look(uintptr(near)); !waiting || gone {
		t.Errorf("octets wait before the end: waiting %t, gone %t", waiting, gone)
	}
	if n, err := syscall.Read(near, make([]byte, 8)); n != 1 {
		t.Fatal(n, err)
	}
	if waiting, gone := park.Look(uintptr(near)); waiting || !gone {
		t.Errorf("at the end: waiting %t, gone %t", waiting, gone)
	}
	if len(heard) > 0 {
		t.Errorf("%d more reports", len(heard))
	}
}

// TestMany: more connections than are taken at a time, all stirred before anybody
// looks and while they are looked at.
func TestMany(t *testing.T) {
	l, heard := open(t)
	const many = 200
	var far [many]int
	for i := range far {
		var near int
		near, far[i] = pair(t)
		if i%2 == 0 {
			syscall.Write(far[i], []byte("x"))
		}
		if err := l.Add(uintptr(near), uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i < many; i += 2 {
		syscall.Shutdown(far[i], syscall.SHUT_WR)
	}
	seen := make(map[uint64]bool)
	for range many {
		seen[next(t, heard)] = true
	}
	if len(seen) != many {
		t.Errorf("%d of %d were reported", len(seen), many)
	}
}

// TestClosed: a Lot that is closed says so, and what is no socket is gone.
func TestClosed(t *testing.T) {
	l, _ := open(t)
	near, _ := pair(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l.Add(uintptr(near), 1) == nil || l.Remove(uintptr(near)) == nil {
		t.Error("a closed Lot takes connections")
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if waiting, gone := park.Look(null.Fd()); waiting || !gone {
		t.Errorf("no socket: waiting %t, gone %t", waiting, gone)
	}
}

// TestHeeded: what the kernel says of what was sent does not stir for ever.
func TestHeeded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ZEROCOPY, 1); err != nil {
			t.Fatal(err)
		}
		if err := unix.Send(int(fd), []byte("x"), unix.MSG_ZEROCOPY); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		stirred := func(within time.Duration) bool {
			set := []unix.PollFd{{Fd: int32(fd)}}
			for {
				n, err := unix.Poll(set, int(within.Milliseconds()))
				if err != unix.EINTR {
					return err == nil && n > 0
				}
			}
		}
		if !stirred(10 * time.Second) {
			t.Fatal("the kernel has said nothing of what was sent")
		}
		if waiting, gone := park.Look(fd); waiting || gone {
			t.Errorf("waiting %t, gone %t", waiting, gone)
		}
		if stirred(0) {
			t.Error("it was looked at, and would stir again")
		}
	})
}
