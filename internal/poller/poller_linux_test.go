//go:build amd64 || arm64

package poller

import (
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// accepted is a connection whose one end is a bare descriptor.
func accepted(t *testing.T, p *Poller) (fd int, client *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var listener int
	_ = raw.Control(func(fd uintptr) { listener = int(fd) })
	if err := Prepare(listener); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Accept(listener); err != syscall.EAGAIN {
		t.Fatalf("nobody waits: %v", err)
	}
	if err := p.AddListener(listener, 1); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if n := p.Park(); n != 1 {
		t.Fatalf("%d events", n)
	}
	if tag, _ := p.Event(0); tag != 1 {
		t.Fatalf("tag %d", tag)
	}
	fd, remote, err := Accept(listener)
	if err != nil || remote.String() != c.LocalAddr().String() {
		t.Fatalf("%v %v", remote, err)
	}
	if local, err := Local(fd); err != nil || local.String() != c.RemoteAddr().String() {
		t.Fatalf("%v %v", local, err)
	}
	p.Remove(listener)
	return fd, c.(*net.TCPConn)
}

func open(t *testing.T) *Poller {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// TestConversation: what comes is reported once, and the end with it.
func TestConversation(t *testing.T) {
	p := open(t)
	fd, c := accepted(t, p)
	defer Close(fd)
	if err := p.Add(fd, 7); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	if n, err := Read(fd, buf); n != 0 || err != syscall.EAGAIN {
		t.Errorf("nothing is there: %d %v", n, err)
	}
	io.WriteString(c, "hello")
	if n := p.Park(); n != 1 {
		t.Fatalf("%d events", n)
	}
	if tag, last := p.Event(0); tag != 7 || last {
		t.Errorf("tag %d, last %t", tag, last)
	}
	if n := p.Poll(0); n != 0 {
		t.Errorf("%d events for what was reported", n)
	}
	if waiting, closed := Peek(fd); !waiting || closed {
		t.Errorf("waiting %t, closed %t", waiting, closed)
	}
	if n, err := Read(fd, buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("%q %v", buf[:n], err)
	}
	c.CloseWrite()
	if n := p.Park(); n != 1 {
		t.Fatalf("%d events", n)
	}
	if tag, last := p.Event(0); tag != 7 || !last {
		t.Errorf("tag %d, last %t", tag, last)
	}
	if waiting, closed := Peek(fd); waiting || !closed {
		t.Errorf("waiting %t, closed %t", waiting, closed)
	}
	if n, err := Read(fd, buf); n != 0 || err != nil {
		t.Errorf("at the end: %d %v", n, err)
	}
	for _, more := range []bool{true, false} {
		if n, err := Write(fd, []byte("bye"), more); n != 3 || err != nil {
			t.Errorf("%d %v", n, err)
		}
	}
	if err := Shutdown(fd, false); err != nil {
		t.Error(err)
	}
	if text, err := io.ReadAll(c); string(text) != "byebye" || err != nil {
		t.Errorf("%q %v", text, err)
	}
}

// TestYield: a goroutine that waits in the runtime's poller gets its turn although
// another one never waits.
func TestYield(t *testing.T) {
	p := open(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	got := make(chan string, 1)
	go func() {
		b := make([]byte, 1)
		n, _ := r.Read(b)
		got <- string(b[:n])
	}()
	w.WriteString("x")
	for end := time.Now().Add(time.Minute); ; {
		p.Yield()
		select {
		case s := <-got:
			if s != "x" {
				t.Errorf("%q", s)
			}
			return
		default:
			if time.Now().After(end) {
				t.Fatal("it did not run")
			}
		}
	}
}

// TestClosed: whoever waits learns of the end.
func TestClosed(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	parked := make(chan int)
	go func() { parked <- p.Park() }()
	p.Close()
	if n := <-parked; n != 0 {
		t.Errorf("%d events", n)
	}
}

// TestDescriptors: a Poller leaves none behind.
func TestDescriptors(t *testing.T) {
	count := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	before := count()
	for range 10 {
		p, err := New()
		if err != nil {
			t.Fatal(err)
		}
		p.Yield()
		p.Close()
	}
	if after := count(); after > before+2 { // the runtime's own, if this was the first
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// TestClosedTakesNothing: a Poller that was closed takes nobody's events, whoever has its number
// now.
func TestClosedTakesNothing(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		p, err := New()
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		q, err := New()
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Add(int(r.Fd()), 1); err != nil {
			t.Fatal(err)
		}
		if a, b := p.Poll(0), q.Poll(0); a != 0 || b != 1 {
			t.Errorf("%d events of a closed Poller, %d of the other one", a, b)
		}
		if err := p.Add(int(r.Fd()), 1); err == nil {
			t.Error("a closed Poller takes a descriptor")
		}
		q.Close()
	}
}
