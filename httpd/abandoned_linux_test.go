package httpd_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// lanesKinds are processes with a Go handler, with one lane and with several.
var lanesKinds = []kind{
	kinds[2],
	{"fork request c=4", func(t *testing.T, s *httpd.Server) {
		s.Mode, s.Accept, s.Handler, s.Pool.Concurrency = httpd.Fork, httpd.AcceptRequest, httpd.Fast(suiteHandler), 4
	}, true},
	{"fork slot c=1", func(t *testing.T, s *httpd.Server) {
		s.Mode, s.Accept, s.Handler, s.Pool.Concurrency = httpd.Fork, httpd.AcceptSlot, httpd.Fast(suiteHandler), 1
	}, false},
	kinds[3],
}

// logged is the kind with its log in a journal.
func (k kind) logged() (kind, *journal) {
	j := newJournal()
	return k.with(func(s *httpd.Server) { s.Log = slog.New(slog.NewTextHandler(j, nil)) }), j
}

// toldStacks waits for the stacks of a worker that runs the suite's handler, which
// are one record.
func (j *journal) toldStacks(t *testing.T) {
	t.Helper()
	j.await(t, "goroutine ", "httpd_test.suiteHandler")
	j.mu.Lock()
	defer j.mu.Unlock()
	records := 0
	for line := range strings.Lines(j.text.String()) {
		if strings.Contains(line, "goroutine ") {
			records++
		}
	}
	if records != 1 {
		t.Errorf("%d records with stacks:\n%s", records, j.text.String())
	}
}

// TestAbandonedAlone: the worker of a handler that was given up, and which has
// nothing else in hand, is replaced and goes; what it was doing is in the log.
func TestAbandonedAlone(t *testing.T) {
	each(t, lanesKinds, func(t *testing.T, k kind) {
		k, log := k.logged()
		s := start(t, k, pool.Config{RequestTimeout: 100 * time.Millisecond})
		c := newClient(t, s.url)
		status, text, err := c.get("/stuck")
		if err != nil || status != http.StatusGatewayTimeout || text != "Gateway Timeout\n" {
			t.Errorf("answer for a handler that is stuck: %d %q %v", status, text, err)
		}
		s.expect("start ready", "start ready wedged(timeout) retire(timeout) exited(timeout)", "start ready")
		c.pid(t)
		log.toldStacks(t)
	})
}

// TestAbandonedAmongOthers: in a worker with several lanes the others finish what
// they have in hand, for as long as retire_timeout lets them.
func TestAbandonedAmongOthers(t *testing.T) {
	each(t, []kind{lanesKinds[1], lanesKinds[3]}, func(t *testing.T, k kind) {
		for _, limit := range []time.Duration{0, 200 * time.Millisecond} {
			t.Run(limit.String(), func(t *testing.T) {
				k, log := k.logged()
				s, d := start(t, k, pool.Config{
					MaxServers: 1, RequestTimeout: 200 * time.Millisecond, RetireTimeout: limit,
				}), conduct(t)
				busy := newClient(t, s.url)
				busy.send(t, "GET /paced"+d.by()+" HTTP/1.1\r\nHost: test\r\n\r\n")
				p := d.next()
				p.cue("1")
				resp := busy.receive(t, "GET") // from now on it is a stream, without a limit
				if status, _, err := newClient(t, s.url).get("/stuck"); err != nil || status != http.StatusGatewayTimeout {
					t.Errorf("%d %v", status, err)
				}
				s.awaitLives(t, "start ready", 1) // its replacement
				until(t, func() string {
					if pid, _ := newClient(t, s.url).pid(t); pid == p.pid {
						return "it takes new requests"
					}
					return ""
				})
				if limit > 0 {
					p.gone()
					if _, err := io.ReadAll(resp.Body); err == nil {
						t.Error("a stream that was cut seems to be whole")
					}
					s.awaitLives(t, "start ready wedged(timeout) retire(timeout) kill(killed) exited(killed)", 1)
				} else {
					p.cue("2")
					p.conn.Close()
					if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "piece 1\npiece 2\n" {
						t.Errorf("%q %v", text, err)
					}
					s.awaitLives(t, "start ready wedged(timeout) retire(timeout) exited(timeout)", 1)
				}
				log.toldStacks(t)
			})
		}
	})
}

// TestMaxLifetime: workers that have lived long enough are replaced, and nobody
// notices.
func TestMaxLifetime(t *testing.T) {
	everyKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxLifetime: 200 * time.Millisecond})
		c := newClient(t, s.url)
		for s.count(t, "max_lifetime") < 4 {
			c.pid(t)
		}
		if k.moves && c.closed > 0 {
			t.Error("a connection was closed")
		}
		if err := s.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// count is how many workers have left for a cause.
func (s *server) count(t *testing.T, cause string) int64 {
	t.Helper()
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st.Totals.Exits[cause]
}
