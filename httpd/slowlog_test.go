package httpd_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// journal is a log that can be waited for.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newJournal() *journal { return &journal{more: make(chan struct{}, 1)} }

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	j.text.Write(p)
	j.mu.Unlock()
	select {
	case j.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

// await waits for a line with all of these words.
func (j *journal) await(t *testing.T, words ...string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		j.mu.Lock()
		all := j.text.String()
		j.mu.Unlock()
	lines:
		for line := range strings.Lines(all) {
			for _, w := range words {
				if !strings.Contains(line, w) {
					continue lines
				}
			}
			return line
		}
		select {
		case <-j.more:
		case <-deadline:
			t.Fatalf("no line with %q in\n%s", words, all)
		}
	}
}

func (j *journal) count(word string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), word)
}

// TestSlowRequest: a request that takes long is logged once, while it runs, with the
// stack of its handler, if that is here.
func TestSlowRequest(t *testing.T) {
	each(t, kinds[:5], func(t *testing.T, k kind) {
		j := newJournal()
		s := start(t, k.with(func(s *httpd.Server) {
			s.SlowRequest = 20 * time.Millisecond
			s.Log = slog.New(slog.NewTextHandler(j, nil))
		}), pool.Config{MaxRequests: pool.NoLimit})
		c := newClient(t, s.url)
		c.send(t, "GET /stuck?x HTTP/1.1\r\nHost: test\r\n\r\n")
		line := j.await(t, "slow request", "GET /stuck?x", "slot", "pid", "age")
		if k.name != "program in Go" && !strings.Contains(line, "suiteHandler") {
			t.Errorf("without its stack: %s", line)
		}
		if strings.Contains(line, "slowWatch).run") {
			t.Errorf("with others' stacks: %s", line)
		}
		// Another one, so that the first was looked at several times more; its
		// stack is taken only if the first one's is a second ago.
		other := newClient(t, s.url)
		other.send(t, "GET /sleep?ms=200 HTTP/1.1\r\nHost: test\r\n\r\n")
		j.await(t, "slow request", "GET /sleep?ms=200")
		answered(t, other, 200, "slept")
		if n := j.count("GET /stuck?x"); n != 1 {
			t.Errorf("logged %d times", n)
		}
		s.Shutdown(expired(t))
	})
}

// TestQuickRequests: nothing is logged of requests that are quick, however many
// there are on one connection.
func TestQuickRequests(t *testing.T) {
	each(t, kinds[:4], func(t *testing.T, k kind) {
		j := newJournal()
		s := start(t, k.with(func(s *httpd.Server) {
			s.SlowRequest = 10 * time.Second
			s.Log = slog.New(slog.NewTextHandler(j, nil))
		}), pool.Config{MaxRequests: 100})
		c := newClient(t, s.url)
		for range 1000 {
			c.must(t, "/state")
		}
		s.stop()
		if j.count("slow request") > 0 {
			t.Error(j.text.String())
		}
	})
}

// expired is a context that has ended.
func expired(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
