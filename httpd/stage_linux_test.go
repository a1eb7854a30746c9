package httpd

import (
	"bufio"
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/pool"
)

// stagePatience bounds what a test waits for.
const stagePatience = 30 * time.Second

// stage is a front with a queue and lanes of its own, as an accepting child has them.
type stage struct {
	*front
	t     testing.TB
	lanes *pool.Crew
	gone  chan struct{} // closed when the lanes have ended
	over  sync.Once
}

// stageLanes is how many lanes a stage has.
const stageLanes = 4

// newStage makes a stage whose connections go to where away says.
func newStage(t testing.TB, config frontConfig, handler fasthttp.RequestHandler, away func(ferry.Parcel) error) *stage {
	t.Helper()
	config.Limits = config.Limits.withDefaults()
	queue := pool.NewQueue(stageLanes)
	queue.Configure(1024, 0, 0)
	f, err := newFront(queue, Fork, &config, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	f.inChild, f.away = true, away
	board, err := pool.NewScoreboard(make([]byte, pool.ScoreboardSize(1, stageLanes)), 1, stageLanes)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{front: f, t: t, gone: make(chan struct{})}
	s.lanes, err = queue.NewCrew(board, 0, pool.CrewHooks{
		Report: func(pool.Event) {}, Ended: func() { close(s.gone) }, Gone: func() {},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.lanes.Lanes() {
		go l.Run(&handlerRunner{handler: handler, crew: crew{pid: int(stages.Add(1))}})
	}
	t.Cleanup(s.end)
	return s
}

// stages numbers lanes.
var stages atomic.Int64

// spend makes the stage leave as a child does that has begun its last request, and
// retire as one that is told to.
func (s *stage) spend()  { s.queue.Close(); s.retire() }
func (s *stage) retire() { s.drainWithin(); s.end() }

func (s *stage) drainWithin() {
	ctx, cancel := context.WithTimeout(context.Background(), stagePatience)
	defer cancel()
	s.drain(ctx, false)
	if ctx.Err() != nil {
		s.t.Error("the front has not drained")
	}
}

func (s *stage) end() {
	s.over.Do(func() {
		s.lanes.Retire()
		<-s.gone
		s.front.close()
	})
}

// serves makes the stage accept from l, whose queue outlives it.
func (s *stage) serves(l *net.TCPListener) {
	s.t.Helper()
	// Not l.File: the listener would block for a moment, in all that share it.
	raw, err := l.SyscallConn()
	if err != nil {
		s.t.Fatal(err)
	}
	var file *os.File
	if err := raw.Control(func(fd uintptr) { file, err = dupFile(fd) }); err != nil {
		s.t.Fatal(err)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	defer file.Close()
	own, err := net.FileListener(file)
	if err != nil {
		s.t.Fatal(err)
	}
	s.listen(own, false)
}

// duo are two stages; the connections of the first go to the second.
func duo(t *testing.T, config frontConfig, handler fasthttp.RequestHandler) (first, second *stage, address string) {
	t.Helper()
	second = newStage(t, config, handler, nil)
	first = newStage(t, config, handler, func(p ferry.Parcel) error {
		second.adopt(p)
		return nil
	})
	l := stageListener(t)
	first.serves(l)
	return first, second, l.Addr().String()
}

func stageListener(t testing.TB) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

// held waits until the front has that many connections, and more is true of each.
func (s *stage) held(n int, what string, more func(c *conn) bool) {
	s.t.Helper()
	for deadline := time.Now().Add(stagePatience); ; time.Sleep(time.Millisecond) {
		have := 0
		s.mu.Lock()
		for c := s.conns.first; c != nil; c = c.next {
			if more(c) {
				have++
			}
		}
		s.mu.Unlock()
		switch {
		case have == n:
			return
		case time.Now().After(deadline):
			s.t.Fatalf("%d connections are %s, expected %d", have, what, n)
		}
	}
}

// bodyless waits until nothing of a body is left: a connection is off the list before
// its desk is cleared.
func (s *stage) bodyless() {
	s.t.Helper()
	for deadline := time.Now().Add(stagePatience); ; time.Sleep(time.Millisecond) {
		disk, memory := s.bodyDisk.Load(), s.bodyMemory.Load()
		switch {
		case disk == 0 && memory == 0:
			return
		case time.Now().After(deadline):
			s.t.Fatalf("%d octets of bodies are left in files, %d in memory", disk, memory)
		}
	}
}

func inPhase(p phase) func(*conn) bool {
	return func(c *conn) bool { return phase(c.phase.Load()&phaseMask) == p }
}

// caller is a client that takes nothing but what it expects.
type caller struct {
	net.Conn
	r *bufio.Reader
}

func callStage(t testing.TB, address string) *caller {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(stagePatience))
	return &caller{c, bufio.NewReader(c)}
}

func (c *caller) say(t testing.TB, octets string) {
	t.Helper()
	if _, err := io.WriteString(c, octets); err != nil {
		t.Fatal(err)
	}
}

// hear reads an answer.
func (c *caller) hear(method string) (*http.Response, string, error) {
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// expects reads an answer that has to be 200 with that body and keep the connection.
func (c *caller) expects(t testing.TB, want string) {
	t.Helper()
	resp, body, err := c.hear("GET")
	if err != nil || resp.StatusCode != 200 || body != want || resp.Close {
		t.Fatalf("answer %q %+v %v, expected %q", body, resp, err, want)
	}
}

// ledger counts how often each request was begun.
type ledger struct {
	mu    sync.Mutex
	begun map[string]int
	count int
	hold  map[string]chan struct{} // requests whose handlers wait
	held  chan string              // gets the ids of requests that wait
}

func newLedger() *ledger {
	return &ledger{begun: make(map[string]int), hold: make(map[string]chan struct{}), held: make(chan string, 100)}
}

// handle answers with what has come. It counts by the id in the query.
func (l *ledger) handle(ctx *fasthttp.RequestCtx) {
	id := string(ctx.QueryArgs().Peek("id"))
	l.mu.Lock()
	l.begun[id]++
	l.count++
	hold := l.hold[id]
	l.mu.Unlock()
	if hold != nil {
		l.held <- id
		<-hold
	}
	body := ctx.PostBody()
	ctx.SetBodyString(ledgerAnswer(id, ctx.ConnRequestNum(), string(body), string(ctx.Request.Header.Peek("X-Sum"))))
}

func ledgerAnswer(id string, number uint64, body, trailer string) string {
	return fmt.Sprintf("%s #%d %d %x %s\n", id, number, len(body), sha1.Sum([]byte(body)), trailer)
}

// once checks that every request was begun, once.
func (l *ledger) once(t testing.TB, ids ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		if l.begun[id] != 1 {
			t.Errorf("request %s was begun %d times", id, l.begun[id])
		}
	}
}
