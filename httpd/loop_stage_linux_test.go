package httpd

import (
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/bident/bident/internal/poller"
)

// looped makes the stage's connections a loop's, as in a child with one thread for
// Go code. With more of them the standby often takes the lead although the leader is
// not blocked, which is slower and stirs everything well.
func (s *stage) looped() *stage {
	s.t.Helper()
	if !poller.Supported {
		return s
	}
	var err error
	if s.loop, err = newLoop(s.front); err != nil {
		s.t.Fatal(err)
	}
	return s
}

// TestLoopStirred: kept, pipelined and closed connections, on a loop that changes
// its leader all the time; then all of them depart to another one.
func TestLoopStirred(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	l := newLedger()
	first, second, _ := duo(t, frontConfig{}, l.handle)
	first.looped()
	second.looped()
	listener := stageListener(t)
	first.serves(listener)
	address := listener.Addr().String()
	const clients, each = 8, 60
	var wg, accepted sync.WaitGroup
	accepted.Add(clients)
	for i := range clients {
		wg.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			c := &stirred{conn: conn}
			for n := range each {
				id := strings.Repeat("x", i+1) + "-" + strings.Repeat("y", n+1)
				switch n % 3 {
				case 0:
					c.ask(t, 1, ask(id))
				case 1:
					c.ask(t, 3, ask(id)+ask(id+"a")+ask(id+"b"))
				default:
					c.ask(t, 0, ask(id)[:10])
					runtime.Gosched()
					c.ask(t, 1, ask(id)[10:])
				}
				if n == 0 {
					accepted.Done()
				}
				if n == each/2 && i == 0 {
					accepted.Wait() // nobody else would accept them
					first.retire()
				}
			}
		})
	}
	wg.Wait()
	if first.migrated.Load() == 0 {
		t.Error("no connection has departed")
	}
}

// stirred is a client that counts answers.
type stirred struct {
	conn net.Conn
	text string
}

// ask sends octets and waits for so many answers.
func (c *stirred) ask(t *testing.T, answers int, octets string) {
	if _, err := c.conn.Write([]byte(octets)); err != nil {
		t.Error(err)
		return
	}
	buf := make([]byte, 4096)
	for strings.Count(c.text, "200 OK") < answers || answers > 0 && !strings.HasSuffix(c.text, "\n") {
		n, err := c.conn.Read(buf)
		if c.text += string(buf[:n]); err != nil {
			t.Errorf("%v after %q", err, c.text)
			return
		}
	}
	if answers > 0 {
		if n := strings.Count(c.text, "200 OK"); n != answers {
			t.Errorf("%d answers, expected %d: %q", n, answers, c.text)
		}
		c.text = ""
	}
}
