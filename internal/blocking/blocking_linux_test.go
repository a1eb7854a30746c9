package blocking

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// tcp is a listener on loopback.
func tcp(t *testing.T) net.Listener { return tcpPaths(t, false) }

// tcpPaths is one that may take multipath TCP, as those of net.Listen do.
func tcpPaths(t *testing.T, multipath bool) net.Listener {
	t.Helper()
	var config net.ListenConfig
	config.SetMultipathTCP(multipath)
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// dial makes a connection that has sent an octet.
func dial(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, "x"); err != nil {
		t.Fatal(err)
	}
	return c
}

func accept(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func listenOn(t *testing.T, list ...net.Listener) *Listeners {
	t.Helper()
	g, err := Listen(list)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Ports()[0].Close() })
	return g
}

// TestTurns: with one address, with one of net.Listen's, and with two, nothing is
// accepted before the turn is over; a claim takes it from whoever waits in accept, and
// not from a connection.
func TestTurns(t *testing.T) {
	for _, list := range [][]net.Listener{{tcp(t)}, {tcpPaths(t, true)}, {tcp(t), tcp(t)}} {
		g := listenOn(t, list...)
		got := make(chan net.Conn)
		var over sync.WaitGroup
		for _, p := range g.Ports() {
			over.Go(func() {
				for {
					c, err := p.Accept()
					if err != nil {
						if !errors.Is(err, net.ErrClosed) {
							t.Error(err)
						}
						return
					}
					got <- c
				}
			})
		}
		if !g.Claim(time.Minute) {
			t.Fatal("the turn cannot be had")
		}
		last := g.Ports()[len(list)-1]
		dial(t, last)
		if !g.Waiting() {
			t.Error("the connection is not seen to wait")
		}
		if g.Claim(time.Millisecond) {
			t.Error("the turn was had twice")
		}
		g.Vacate()
		c := <-got
		if c.LocalAddr().String() != last.Addr().String() {
			t.Errorf("from %s, not %s", c.LocalAddr(), last.Addr())
		}
		var b [2]byte
		if n, err := c.Read(b[:]); n != 1 || err != nil || b[0] != 'x' {
			t.Error(n, err)
		}
		if g.Claim(time.Millisecond) {
			t.Error("the turn of a connection was had")
		}
		c.Close()
		g.Vacate()
		last.Close()
		over.Wait()
		if g.Claim(time.Millisecond) {
			t.Error("a turn after the end")
		}
	}
}

// pair is a Conn and its client.
func pair(t *testing.T) (net.Conn, *Conn) {
	t.Helper()
	g := listenOn(t, tcp(t))
	client := dial(t, g.Ports()[0])
	return client, accept(t, g.Ports()[0]).(*Conn)
}

// TestConn: octets go both ways, before and after the connection was settled; reads
// end by patience, by deadline, by Close and by the client's end.
func TestConn(t *testing.T) {
	client, c := pair(t)
	var b [8]byte
	for range 2 {
		if n, err := c.Read(b[:]); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		c.SetPatience(time.Millisecond)
		if _, err := c.Read(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("without patience: %v", err)
		}
		c.SetPatience(0)
		c.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := c.Read(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("with a deadline: %v", err)
		}
		c.SetReadDeadline(time.Time{})
		big := strings.Repeat("y", 4<<20)
		go io.WriteString(c, big)
		if n, err := io.CopyN(io.Discard, client, int64(len(big))); err != nil {
			t.Fatal(n, err)
		}
		if err := c.Settle(); err != nil {
			t.Fatal(err)
		}
		io.WriteString(client, "z")
	}
	if n, err := c.Read(b[:]); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	go c.Close()
	if _, err := c.Read(b[:]); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	client, c = pair(t)
	client.Close()
	if text, err := io.ReadAll(c); string(text) != "x" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
}

// held is a lock that somebody else has.
type held struct{ asked, free, given chan struct{} }

func (h held) Lock() error {
	h.asked <- struct{}{}
	<-h.free
	return nil
}

func (h held) Unlock() error {
	h.given <- struct{}{}
	return nil
}

// TestSerialize: nothing is accepted without the lock; whoever waits for it can
// leave, and gives it back when it comes.
func TestSerialize(t *testing.T) {
	lock := held{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	list, err := Serialize([]net.Listener{tcp(t), tcp(t)}, lock)
	if err != nil {
		t.Fatal(err)
	}
	dial(t, list[1])
	<-lock.asked
	lock.free <- struct{}{}
	<-lock.given
	if c := accept(t, list[1]); c.LocalAddr().String() != list[1].Addr().String() {
		t.Errorf("from %s", c.LocalAddr())
	}
	<-lock.asked
	dial(t, list[0]) // waits, since nobody has the lock
	for _, l := range list {
		l.(*serialPort).SetDeadline(time.Now())
	}
	accept(t, list[0])
	for _, l := range list {
		if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("at the end: %v", err)
		}
	}
	for _, l := range list {
		l.Close()
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	}
	lock.free <- struct{}{}
	<-lock.given
}
