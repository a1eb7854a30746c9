package httpd

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/pool"
)

// errFull is why a child may be unable to take a connection.
var errFull = errors.New("no descriptor left")

// fake is a child that only says what it gets.
type fake struct {
	row *pool.Row
	got chan ferry.Parcel

	mu     sync.Mutex
	refuse error
	stops  chan struct{} // not nil: it is stopped, and the channel is closed when it is not
	killed string
}

// halt stops the child until it is killed, or until the test ends.
func (f *fake) halt(t *testing.T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stops = make(chan struct{})
	t.Cleanup(func() { f.GiveUp("") })
}

// GiveUp ends the child.
func (f *fake) GiveUp(limit string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stops != nil {
		f.refuse, f.killed = ferry.ErrClosed, limit
		close(f.stops)
		f.stops = nil
	}
}

func (f *fake) Send(p ferry.Parcel) error {
	f.mu.Lock()
	stops := f.stops
	f.mu.Unlock()
	if stops != nil {
		<-stops
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse == nil {
		f.row.AddConnections(1)
		f.got <- p // and its descriptor stays open, as with a real child
	}
	return f.refuse
}

func (f *fake) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = err
}

// next is the next connection that the child gets: the place it was given, and
// what is unread.
func (f *fake) next(t *testing.T) (ferry.Parcel, uint64) {
	t.Helper()
	select {
	case p := <-f.got:
		t.Cleanup(p.Close)
		order, _, ok := untagged(p.Note)
		if !ok {
			t.Error("no tag")
		}
		return p, order
	case <-time.After(time.Minute):
		t.Fatal("the child got nothing")
		panic("unreachable")
	}
}

// rig is a broker with fakes.
type rig struct {
	*broker
	t     *testing.T
	board *pool.Scoreboard
	fakes int
}

func newRig(t *testing.T, config brokerConfig) *rig {
	t.Helper()
	board, err := pool.NewScoreboard(make([]byte, pool.ScoreboardSize(8, 1)), 8, 1)
	if err != nil {
		t.Fatal(err)
	}
	config.Limits = config.Limits.withDefaults()
	if config.QueueSize == 0 {
		config.QueueSize = 100
	}
	if config.Most == 0 {
		config.Most = 1000
	}
	b, err := newBroker(config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return &rig{broker: b, t: t, board: board}
}

func (s *rig) child() *fake {
	f := &fake{row: s.board.Row(s.fakes), got: make(chan ferry.Parcel, 100)}
	s.fakes++
	s.join(f, f.row)
	return f
}

// conn makes a connection: the client's end, and a parcel that has already been
// read from as far as unread.
func (s *rig) conn(unread string) (net.Conn, ferry.Parcel) {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { client.Close() })
	server, err := l.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	defer server.Close()
	file, err := server.(*net.TCPConn).File()
	if err != nil {
		s.t.Fatal(err)
	}
	n := note{admitted: true, requests: 1, opened: time.Now()}
	return client, ferry.Parcel{Conn: file, Unread: []byte(unread), Note: n.encode()}
}

// from makes a connection that a child gives away.
func (s *rig) from(f *fake, unread string) net.Conn {
	client, p := s.conn(unread)
	p.Note = tagged(0, p.Note)
	f.row.AddConnections(-1)
	s.arrive(f, p)
	return client
}

// settled waits until the broker's numbers are as they should be.
func (s *rig) settled(what string, is func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		done, count, parked, waiting := is(), s.count, len(s.parked), len(s.waiting)
		s.mu.Unlock()
		if done {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: %d held, %d parked, %d wait", what, count, parked, waiting)
		}
	}
}

func (s *rig) empty() {
	s.t.Helper()
	s.settled("nothing is held", func() bool { return s.count == 0 })
}

func closed(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := c.Read(make([]byte, 1)); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is not closed: %d, %v", n, err)
	}
}

func refused(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Minute))
	text, err := io.ReadAll(c)
	if err != nil || string(text) != refusal {
		t.Errorf("%q, %v", text, err)
	}
	c.Close()
}
