package fdpass

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func pair(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	a, fd, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	if b, err = Conn(fd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestDatagramWithDescriptors(t *testing.T) {
	a, b := pair(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := Send(a, []byte("two"), int(w.Fd()), int(w.Fd())); err != nil {
		t.Fatal(err)
	}
	w.Close()
	buf := make([]byte, 16)
	n, files, err := Receive(b, buf)
	if err != nil || string(buf[:n]) != "two" || len(files) != 2 {
		t.Fatalf("%q, %d files, %v", buf[:n], len(files), err)
	}
	for _, f := range files {
		flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("not close-on-exec: %#x, %v", flags, err)
		}
		f.WriteString("x")
		f.Close()
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "xx" {
		t.Errorf("through the pipe came %q, %v", got, err)
	}
}

func TestCutOffDatagramLeaksNothing(t *testing.T) {
	a, b := pair(t)
	before := openFiles(t)
	for range 10 {
		if err := Send(a, []byte("too long"), 0, 1, 2); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 3)
		if n, _, err := Receive(b, buf); !errors.Is(err, ErrTruncated) || string(buf[:n]) != "too" {
			t.Fatalf("got %q, %v, want ErrTruncated", buf[:n], err)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); openFiles(t) != before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors before, %d after", before, openFiles(t))
		}
	}
}

// TestDiscardDoesNotWait: a socket whose close would take an hour.
func TestDiscardDoesNotWait(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close() // which ends the wait
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	for err == nil { // until nothing goes any more
		_, err = c.Write(make([]byte, 1<<20))
	}
	if err := c.(*net.TCPConn).SetLinger(3600); err != nil {
		t.Fatal(err)
	}
	f, err := c.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(int(f.Fd()), true); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil { // not the last one
		t.Fatal(err)
	}
	Discard(f)
}

func TestEOF(t *testing.T) {
	a, b := pair(t)
	if err := Send(a, []byte("last")); err != nil {
		t.Fatal(err)
	}
	a.Close()
	buf := make([]byte, 16)
	if n, _, err := Receive(b, buf); err != nil || string(buf[:n]) != "last" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	if _, _, err := Receive(b, buf); err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
}

// TestLastWordsOfOneWhoDidNotListen is what a process that was killed has said
// while something waited for it.
func TestLastWordsOfOneWhoDidNotListen(t *testing.T) {
	a, b := pair(t)
	if err := Send(b, []byte("unread")); err != nil {
		t.Fatal(err)
	}
	if err := Send(a, []byte("last")); err != nil {
		t.Fatal(err)
	}
	a.Close()
	buf := make([]byte, 16)
	if n, _, err := Receive(b, buf); err != nil || string(buf[:n]) != "last" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	if _, _, err := Receive(b, buf); err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
}

func TestTrySendDoesNotWait(t *testing.T) {
	a, _ := pair(t)
	data := make([]byte, 1024)
	for range 1 << 20 {
		if err := TrySend(a, data); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Errorf("got %v, want ErrFull", err)
			}
			return
		}
	}
	t.Error("a gigabyte fitted into the buffer")
}

func TestConnRefusesOthers(t *testing.T) {
	before := openFiles(t)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Conn(fd); err == nil {
		t.Error("a TCP socket was taken")
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
