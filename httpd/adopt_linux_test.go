package httpd

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bident/bident/internal/ferry"
)

// relay is a row of fronts, each of which takes the place of the one before and gets
// its connections.
type relay struct {
	t      *testing.T
	ledger *ledger
	l      *net.TCPListener
	turns  atomic.Int64
	// waiting is how many clients wait for the next turn.
	waiting atomic.Int64

	mu  sync.Mutex
	now *stage
}

// away gives a connection to the front whose turn it is.
func (r *relay) away(p ferry.Parcel) error {
	r.mu.Lock()
	now := r.now
	r.mu.Unlock()
	now.adopt(p)
	return nil
}

// turn puts a new front in the place of the present one, which leaves: in one way or
// the other a child does.
func (r *relay) turn(leave func(*stage)) {
	next := newStage(r.t, frontConfig{}, r.ledger.handle, r.away)
	next.serves(r.l)
	r.mu.Lock()
	before := r.now
	r.now = next
	r.mu.Unlock()
	r.turns.Add(1)
	if before != nil {
		leave(before)
	}
}

// strict is a client whose every request has to be answered, on a connection that
// nobody but itself closes.
type strict struct {
	t    *testing.T
	r    *relay
	name string
	rand *rand.Rand
	conn *caller
	n    uint64 // requests on the connection
	ids  []string
	sent uint64
}

// id names the next request.
func (s *strict) id() string {
	id := fmt.Sprintf("%s.%d", s.name, s.sent)
	s.sent++
	s.ids = append(s.ids, id)
	return id
}

// await waits until another front has its turn.
func (s *strict) await() {
	s.r.waiting.Add(1)
	defer s.r.waiting.Add(-1)
	for now := s.r.turns.Load(); s.r.turns.Load() == now && s.r.turns.Load() < relayTurns; {
		time.Sleep(100 * time.Microsecond)
	}
}

// answered reads an answer.
func (s *strict) answered(method, id, body, trailer string, last bool) bool {
	s.n++
	resp, text, err := s.conn.hear(method)
	for ; err == nil && resp.StatusCode == 100; resp, text, err = s.conn.hear(method) {
	}
	want := ledgerAnswer(id, s.n, body, trailer)
	if err == nil && method == "HEAD" && resp.ContentLength == int64(len(want)) {
		text = want
	}
	if err != nil || resp.StatusCode != 200 || text != want || resp.Close != last {
		s.t.Errorf("%s %s: %q %+v %v, expected %q", method, id, text, resp, err, want)
		return false
	}
	return true
}

// round asks something, and reports whether the client can go on.
func (s *strict) round() bool {
	if s.conn == nil {
		s.conn, s.n = callStage(s.t, s.r.l.Addr().String()), 0
	}
	id := s.id()
	switch s.rand.IntN(11) {
	case 0, 1:
		s.conn.say(s.t, ask(id))
		return s.answered("GET", id, "", "", false)
	case 2:
		s.conn.say(s.t, "HEAD"+ask(id)[3:])
		return s.answered("HEAD", id, "", "", false)
	case 3: // half of it, and the rest to somebody else
		request := ask(id)
		cut := 1 + s.rand.IntN(len(request)-1)
		s.conn.say(s.t, request[:cut])
		s.await()
		s.conn.say(s.t, request[cut:])
		return s.answered("GET", id, "", "", false)
	case 4: // octet by octet
		for _, o := range []byte(ask(id)) {
			s.conn.say(s.t, string(o))
		}
		return s.answered("GET", id, "", "", false)
	case 5:
		list := []string{id}
		for range s.rand.IntN(30) {
			list = append(list, s.id())
		}
		var burst strings.Builder
		for _, id := range list {
			burst.WriteString(ask(id))
		}
		s.conn.say(s.t, burst.String())
		for _, id := range list {
			if !s.answered("GET", id, "", "", false) {
				return false
			}
		}
		return true
	case 6, 7: // with a body, and another request behind it
		b := bodies()[s.rand.IntN(len(bodies()))]
		if len(b.body) > spoolMemory && s.rand.IntN(4) > 0 {
			b = bodies()[s.rand.IntN(8)]
		}
		request := "POST /?id=" + id + " HTTP/1.1\r\nHost: t\r\n" + b.fields + "\r\n" + b.octets
		cut := s.rand.IntN(len(request))
		s.conn.say(s.t, request[:cut])
		if s.rand.IntN(4) == 0 {
			s.await()
		}
		next := s.id()
		s.conn.say(s.t, request[cut:]+ask(next))
		return s.answered("POST", id, b.body, b.trailer, false) && s.answered("GET", next, "", "", false)
	case 8: // asks first
		b := bodies()[3+s.rand.IntN(9)]
		s.conn.say(s.t, "POST /?id="+id+" HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n"+b.fields+"\r\n")
		if resp, _, err := s.conn.hear("POST"); err != nil || resp.StatusCode != 100 {
			s.t.Errorf("POST %s: %+v %v, expected 100", id, resp, err)
			return false
		}
		s.conn.say(s.t, b.octets)
		return s.answered("POST", id, b.body, b.trailer, false)
	case 9: // nothing for a while
		s.await()
		s.conn.say(s.t, ask(id))
		return s.answered("GET", id, "", "", false)
	default: // the last one of a client that knows no better
		s.conn.say(s.t, strings.Replace(ask(id), "HTTP/1.1", "HTTP/1.0", 1))
		ok := s.answered("GET", id, "", "", true)
		if n, _ := s.conn.Read(make([]byte, 1)); n > 0 {
			s.t.Error("octets after the last answer")
		}
		s.conn.Close()
		s.conn = nil
		return ok
	}
}

// relayTurns is how often fronts are replaced.
const relayTurns, relayClients = 300, 12

// TestRelay: fronts are replaced hundreds of times under clients that must not notice,
// and every request is begun once.
func TestRelay(t *testing.T) {
	r := &relay{t: t, ledger: newLedger(), l: stageListener(t)}
	r.turn(nil)
	var clients sync.WaitGroup
	var all []*strict
	for i := range relayClients {
		s := &strict{t: t, r: r, name: fmt.Sprint(i), rand: rand.New(rand.NewPCG(1, uint64(i)))}
		all = append(all, s)
		clients.Go(func() {
			for s.round() && r.turns.Load() < relayTurns {
			}
		})
	}
	var leaving sync.WaitGroup
	for r.turns.Load() < relayTurns && !t.Failed() {
		served := r.ledger.served()
		r.turn(func(s *stage) {
			leaving.Go(func() {
				if s.serial.Load()%2 == 0 {
					s.spend()
				} else {
					s.retire()
				}
			})
		})
		for r.ledger.served() < served+20 && r.waiting.Load() < relayClients-2 &&
			r.turns.Load() < relayTurns && !t.Failed() {
			time.Sleep(100 * time.Microsecond)
		}
	}
	clients.Wait()
	leaving.Wait()
	requests := 0
	for _, s := range all {
		r.ledger.once(t, s.ids...)
		requests += len(s.ids)
	}
	if n := r.ledger.served(); n != requests {
		t.Errorf("%d requests were begun, %d sent", n, requests)
	}
	t.Logf("%d requests over %d fronts", requests, relayTurns)
}

// served is how many requests were begun.
func (l *ledger) served() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}
