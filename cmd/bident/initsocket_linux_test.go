package main

import (
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// newFirst is a first process without a server; main is the number of one.
func newFirst(t *testing.T, main int, patience time.Duration) *first {
	t.Helper()
	f := &first{stderr: io.Discard, patience: patience}
	f.main.Store(int64(main))
	if err := f.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.socket.Close() })
	return f
}

// TestInitFlood: whoever fills the socket of the first process does not keep it from
// hearing all that the server has said.
func TestInitFlood(t *testing.T) {
	f := newFirst(t, os.Getppid(), time.Minute)
	go f.listen()
	over := make(chan struct{})
	var flood sync.WaitGroup
	defer func() {
		close(over)
		flood.Wait()
	}()
	for range 4 {
		c, err := net.DialUnix("unixgram", nil, f.socket.LocalAddr().(*net.UnixAddr))
		if err != nil {
			t.Fatal(err)
		}
		flood.Go(func() {
			defer c.Close()
			for {
				select {
				case <-over:
					return
				default:
				}
				if _, err := c.Write([]byte("MAINPID=1\nREADY=1")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 10 {
		f.catchUp()
		if f.mark.Load() != nil {
			t.Error("the mark is left")
		}
	}
	if f.main.Load() != int64(os.Getppid()) {
		t.Error("somebody else has said which process is the server")
	}
}

// fill fills the queue of a socket.
func fill(t *testing.T, socket *net.UnixConn) {
	t.Helper()
	c, err := net.DialUnix("unixgram", nil, socket.LocalAddr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = c.Write([]byte("x"))
	}
}

// TestInitFull: a socket that nobody reads holds up the first process for a while
// only, be it its own or that of a manager outside.
func TestInitFull(t *testing.T) {
	f := newFirst(t, os.Getpid(), 10*time.Millisecond)
	fill(t, f.socket)
	f.catchUp()

	outer := newFirst(t, 0, 0)
	fill(t, outer.socket)
	var said strings.Builder
	f.outer, f.stderr = outer.socket.LocalAddr().String(), &said
	f.hear(message{text: "READY=1", pid: os.Getpid()})
	if !strings.Contains(said.String(), "cannot be told") {
		t.Errorf("%q", said.String())
	}
}

// TestInitHears: what the server says before the mark is heard before catchUp returns.
func TestInitHears(t *testing.T) {
	f := newFirst(t, os.Getpid(), time.Minute)
	if err := f.write(f.socket.LocalAddr().String(), "MAINPID="+strconv.Itoa(os.Getppid())); err != nil {
		t.Fatal(err)
	}
	go f.listen()
	f.catchUp()
	if f.main.Load() != int64(os.Getppid()) {
		t.Error("it was not heard")
	}
}
