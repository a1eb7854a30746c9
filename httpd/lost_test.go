package httpd_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

func itoa(n int) string { return strconv.Itoa(n) }

// awaitStatus waits until the server's status is as it should be, and returns it.
func (s *server) awaitStatus(t testing.TB, what string, is func(*httpd.Status) bool) *httpd.Status {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		st, err := s.Status(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if is(st) {
			return st
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: totals %+v, workers %+v", what, st.Totals, st.Workers)
		}
	}
}

func idle(st *httpd.Status) (n int) {
	for _, w := range st.Workers {
		if w.State == "_" {
			n++
		}
	}
	return n
}

// TestLost: goroutines that do not return are made up for, up to MaxLost. Once
// they have used up all workers requests are refused at once, and when they
// return everything is as before.
func TestLost(t *testing.T) {
	t.Run(kinds[0].name, func(t *testing.T) {
		const limit = 100 * time.Millisecond
		s := start(t, kinds[0], pool.Config{MaxServers: 2, MaxLost: 2, RequestTimeout: limit})
		d := conduct(t)
		var stuck []*player
		for i := range 4 { // two are made up for, two are not
			c, p := hold(t, s, d)
			answered(t, c, http.StatusGatewayTimeout, "Gateway Timeout\n")
			stuck = append(stuck, p)
			want := min(2, 4-len(stuck))
			s.awaitStatus(t, "after "+itoa(i+1)+" lost handlers", func(st *httpd.Status) bool {
				return idle(st) == want && st.Totals.Lost == int64(len(stuck))
			})
		}
		c := newClient(t, s.url)
		for range 3 {
			c.send(t, "GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
			answered(t, c, http.StatusServiceUnavailable, "service unavailable\n")
		}
		for i, p := range stuck {
			p.cue("return")
			p.gone()
			left := len(stuck) - i - 1
			s.awaitStatus(t, itoa(left)+" lost handlers", func(st *httpd.Status) bool {
				return idle(st) == min(2, 4-left) && st.Totals.Lost == int64(left)
			})
			c.pid(t)
		}
		if c.closed > 0 {
			t.Error("connection was closed")
		}
	})
}

// TestLateAnswer: what an abandoned handler answers in the end reaches nobody.
func TestLateAnswer(t *testing.T) {
	t.Run(kinds[0].name, func(t *testing.T) {
		s, d := start(t, kinds[0], pool.Config{RequestTimeout: 50 * time.Millisecond}), conduct(t)
		for range 5 {
			c, p := hold(t, s, d)
			answered(t, c, http.StatusGatewayTimeout, "Gateway Timeout\n")
			c.close()
			other := newClient(t, s.url)
			other.pid(t)
			p.cue("return")
			p.gone()
			for range 3 {
				other.pid(t)
			}
		}
	})
}

// TestLostReturn: workers come back because their handlers have, and not because
// somebody looks at the status.
func TestLostReturn(t *testing.T) {
	t.Run(kinds[0].name, func(t *testing.T) {
		s := start(t, kinds[0], pool.Config{
			MaxServers: 1, MaxLost: pool.NoLimit, RequestTimeout: 50 * time.Millisecond, QueueTimeout: patience,
		})
		d := conduct(t)
		for i := range 3 {
			c, p := hold(t, s, d)
			answered(t, c, http.StatusGatewayTimeout, "Gateway Timeout\n")
			s.awaitLives(t, "start ready wedged(timeout) retire(timeout) exited(timeout)", i+1)
			if status, _, err := newClient(t, s.url).get("/pid"); err != nil || status != http.StatusServiceUnavailable {
				t.Errorf("with no worker left: status %d, %v", status, err)
			}
			p.cue("return")
			p.gone()
			s.awaitLives(t, "start ready", 1)
			newClient(t, s.url).pid(t)
		}
	})
}
