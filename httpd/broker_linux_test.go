package httpd

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/internal/listen"
)

// TestBrokerMany: children that serve many connections get what comes at once, the
// one with the fewest first, and not the one that leaves.
func TestBrokerMany(t *testing.T) {
	s := newRig(t, brokerConfig{})
	first := s.child()
	idle := s.from(first, "") // nobody else is there
	p, _ := first.next(t)
	if len(p.Unread) > 0 {
		t.Errorf("unread: %q", p.Unread)
	}
	second := s.child()
	second.row.AddConnections(5)
	s.from(second, "GET / HTTP/1.1\r\n")
	if p, _ := first.next(t); string(p.Unread) != "GET / HTTP/1.1\r\n" {
		t.Errorf("unread: %q", p.Unread)
	}
	s.leave(first)
	s.from(first, "")
	second.next(t)
	s.leave(second)
	s.empty()

	// Nobody is there: they wait, whether or not there is something to read.
	clients := []net.Conn{s.from(second, ""), s.from(second, "x"), s.from(second, "")}
	clients[2].Write([]byte("y"))
	s.settled("two wait", func() bool { return len(s.waiting) == 2 && len(s.parked) == 1 })
	third := s.child()
	for range 3 {
		third.next(t)
	}
	s.empty()
	if s.migrated != 6 {
		t.Errorf("%d have migrated", s.migrated)
	}
	idle.Close()
}

// TestBrokerFailure: if a child cannot take a connection another one gets it; one
// that is gone gets nothing more.
func TestBrokerFailure(t *testing.T) {
	s := newRig(t, brokerConfig{})
	first, second := s.child(), s.child()
	second.row.AddConnections(3)
	first.fail(errFull)
	s.from(second, "")
	second.next(t)
	first.fail(nil)
	s.from(second, "")
	first.next(t)
	first.fail(ferry.ErrClosed)
	second.fail(errFull)
	s.from(second, "x")
	s.settled("one is left", func() bool { return len(s.takers) == 1 && len(s.waiting) == 1 })
	second.fail(nil)
	second.next(t)
	s.empty()
}

// TestBrokerSingle: children that serve one connection get one when there is a
// request on it, in the order in which the requests came, and when they are free.
func TestBrokerSingle(t *testing.T) {
	s := newRig(t, brokerConfig{Single: true})
	f := s.child()
	one, two, three := s.from(f, ""), s.from(f, ""), s.from(f, "")
	f.row.AddConnections(3)
	s.settled("all are parked", func() bool { return len(s.parked) == 3 })
	two.Write([]byte("x"))
	_, order := f.next(t)
	if order != 1 {
		t.Errorf("place %d", order)
	}
	one.Write([]byte("x"))
	s.settled("one waits", func() bool { return len(s.waiting) == 1 })
	three.Write([]byte("x"))
	s.settled("two wait", func() bool { return len(s.waiting) == 2 })
	f.row.AddConnections(-1) // it has served the first one
	p, order := f.next(t)
	if order != 2 {
		t.Errorf("place %d", order)
	}
	// It gives the connection back, since it has got another one meanwhile, and it
	// is again the next one. By then it is free.
	f.row.AddConnections(-1)
	back, err := net.FileConn(p.Conn)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	file, err := back.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	again := ferry.Parcel{Conn: file, Unread: []byte("x"), Note: p.Note}
	first, later := order, uint64(0)
	s.arrive(f, again)
	for range 2 {
		_, order := f.next(t)
		f.row.AddConnections(-1)
		later = max(later, order)
		if order != first && order != 3 {
			t.Errorf("place %d", order)
		}
	}
	if later != 3 {
		t.Errorf("last place %d", later)
	}
	s.empty()
}

// TestBrokerOnce: a child for each connection.
func TestBrokerOnce(t *testing.T) {
	s := newRig(t, brokerConfig{Single: true, Once: true})
	first, second := s.child(), s.child()
	for range 3 {
		client, p := s.conn("")
		client.Write([]byte("x"))
		s.add(p)
	}
	first.next(t)
	second.next(t)
	first.row.AddConnections(-1)
	s.settled("one waits", func() bool { return len(s.waiting) == 1 && len(s.takers) == 0 })
	s.child().next(t)
	s.empty()
}

// TestBrokerLeft: connections whose client has left, or which are idle for too
// long, are not kept.
func TestBrokerLeft(t *testing.T) {
	s := newRig(t, brokerConfig{Single: true, Limits: Limits{IdleTimeout: 40 * time.Millisecond}})
	f := s.child()
	f.row.AddConnections(1)
	closed(t, s.from(f, ""))
	s.empty()
	f.row.AddConnections(100)
	s.from(f, "").Close()
	s.from(f, "x").Close() // it waits for a child
	s.empty()
}

// TestBrokerQueue: what waits in vain is told so.
func TestBrokerQueue(t *testing.T) {
	s := newRig(t, brokerConfig{Single: true, QueueSize: 2, QueueTimeout: 500 * time.Millisecond})
	f := s.child()
	f.row.AddConnections(100)
	var clients []net.Conn
	for range 2 {
		clients = append(clients, s.from(f, "x"))
	}
	s.settled("two wait", func() bool { return len(s.waiting) == 2 })
	refused(t, s.from(f, "x")) // no room
	for _, c := range clients {
		refused(t, c) // no time
	}
	s.empty()
	if s.shed != 3 {
		t.Errorf("%d were refused", s.shed)
	}
	// One that is to speak TLS would not understand.
	client, p := s.conn("x")
	n := note{secure: true}
	p.Note = n.encode()
	s.add(p)
	closed(t, client)
}

// TestBrokerBound: beyond the most connections that are held, the one that has been
// idle for longest is closed.
func TestBrokerBound(t *testing.T) {
	s := newRig(t, brokerConfig{Single: true, Most: 3})
	f := s.child()
	f.row.AddConnections(100)
	var clients []net.Conn
	for range 5 {
		clients = append(clients, s.from(f, ""))
	}
	closed(t, clients[0])
	closed(t, clients[1])
	s.settled("three are held", func() bool { return s.count == 3 && len(s.parked) == 3 })
}

// TestBrokerStop: at the end requests are given to children, as long as there are
// some; what is idle is closed; and nothing is lost without a word.
func TestBrokerStop(t *testing.T) {
	s := newRig(t, brokerConfig{Single: true})
	f := s.child()
	f.row.AddConnections(100)
	idle, asking, late := s.from(f, ""), s.from(f, "x"), s.from(f, "")
	ended := make(chan bool)
	go func() {
		s.stop(context.Background())
		close(ended)
	}()
	late.Write([]byte("x"))
	closed(t, idle)
	s.settled("two wait", func() bool { return len(s.waiting) == 2 })
	f.row.AddConnections(-98)
	f.next(t)
	s.leave(f)
	refused(t, late)
	<-ended
	refused(t, s.from(f, "x"))
	closed(t, s.from(f, ""))
	s.empty()
	asking.Close()
}

// TestBrokerStopInTime: stop does not wait for longer than it may.
func TestBrokerStopInTime(t *testing.T) {
	s := newRig(t, brokerConfig{Single: true})
	f := s.child()
	f.row.AddConnections(100)
	client := s.from(f, "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.stop(ctx)
	refused(t, client)
	s.empty()
}

// TestBrokerDivert: everything goes to another process until that fails.
func TestBrokerDivert(t *testing.T) {
	s := newRig(t, brokerConfig{Single: true})
	f := s.child()
	f.row.AddConnections(100)
	s.from(f, "x")
	s.from(f, "")
	var mu sync.Mutex
	var failed error
	got := make(chan ferry.Parcel, 10)
	s.divert(func(p ferry.Parcel) error {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			got <- p
		}
		return failed
	})
	s.from(f, "")
	for range 3 {
		p := <-got
		if n, err := readNote(p.Note, time.Now()); err != nil || n.requests != 1 {
			t.Errorf("%+v, %v", n, err)
		}
		p.Close()
	}
	s.empty()
	mu.Lock()
	failed = ferry.ErrClosed
	mu.Unlock()
	s.from(f, "x")
	s.settled("it waits for a child", func() bool { return len(s.waiting) == 1 })
	f.row.AddConnections(-99)
	f.next(t)
	s.empty()
}

// TestBrokerDoor: connections are accepted while there is somebody to serve them,
// and those that wait in the listener at the end are served.
func TestBrokerDoor(t *testing.T) {
	s := newRig(t, brokerConfig{})
	l, err := listen.Open("tcp", "127.0.0.1:0", listen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := s.listen(l, note{secure: true}); err != nil {
		t.Fatal(err)
	}
	dial := func() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	dial()
	f := s.child()
	p, _ := f.next(t)
	_, text, _ := untagged(p.Note)
	if n, err := readNote(text, time.Now()); err != nil || !n.secure || n.admitted || n.requests > 0 {
		t.Errorf("%+v, %v", n, err)
	}
	s.leave(f)
	for range 3 {
		dial()
	}
	f = s.child()
	for range 3 {
		f.next(t)
	}
	dial()
	s.stop(context.Background())
	f.next(t)
	s.empty()
}

// TestRefusal: the refusal is an answer.
func TestRefusal(t *testing.T) {
	head, body, _ := strings.Cut(refusal, "\r\n\r\n")
	if !strings.Contains(head, "\r\nContent-Length: 20\r\n") || len(body) != 20 {
		t.Errorf("%q", refusal)
	}
}
