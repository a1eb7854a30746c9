package httpd_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// queueKinds are the kinds whose one worker has one lane and whose handlers can be
// directed: what waits there is easy to say.
func queueKinds() []kind { return []kind{kinds[0], kinds[2]} }

// hold makes the handler of a request wait for its cue.
func hold(t *testing.T, s *server, d *conductor) (*client, *player) {
	t.Helper()
	c := newClient(t, s.url)
	c.send(t, "GET /held"+d.by()+" HTTP/1.1\r\nHost: test\r\n\r\n")
	return c, d.next()
}

// warm waits until the server's one lane is idle: from then on it can be found
// whenever an answer is there. It returns how many requests it has served.
func warm(t *testing.T, s *server) int {
	t.Helper()
	c := newClient(t, s.url)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if _, served, err := c.whose(); err == nil {
			return served
		}
	}
	t.Fatal("no request is served")
	return 0
}

// answered reads an answer to GET.
func answered(t *testing.T, c *client, status int, text string) {
	t.Helper()
	resp := c.receive(t, "GET")
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status || !strings.HasPrefix(string(body), text) {
		t.Errorf("%d %q %v, expected %d %q", resp.StatusCode, body, err, status, text)
	}
	if after := resp.Header.Get("Retry-After"); (status == http.StatusServiceUnavailable) != (after != "") {
		t.Errorf("status %d, Retry-After %q", status, after)
	}
}

// waited is how many requests have had to wait so far: the first of a server may
// have, while its lane was about to be idle.
func (s *server) waited(t *testing.T) int64 {
	t.Helper()
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st.Totals.Queued
}

// queued waits until n requests have had to wait.
func (s *server) queued(t *testing.T, n int64) {
	t.Helper()
	s.awaitStatus(t, fmt.Sprint(n, " have had to wait"), func(st *httpd.Status) bool { return st.Totals.Queued == n })
}

// TestQueueFull: what finds the queue full is refused at once, and what waits is
// served in order.
func TestQueueFull(t *testing.T) {
	each(t, queueKinds(), func(t *testing.T, k kind) {
		s, d := start(t, k, pool.Config{MaxServers: 1, QueueSize: 3, QueueTimeout: pool.NoLimit}), conduct(t)
		first, p := hold(t, s, d)
		before := s.waited(t)
		var waiting []*client
		for i := range 3 {
			c := newClient(t, s.url)
			c.send(t, "GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
			s.queued(t, before+int64(i+1))
			waiting = append(waiting, c)
		}
		for range 3 {
			c := newClient(t, s.url)
			for range 2 { // and the connection goes on
				c.send(t, "GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
				answered(t, c, http.StatusServiceUnavailable, "service unavailable\n")
			}
		}
		p.cue("go")
		answered(t, first, http.StatusOK, "held\n")
		for _, c := range waiting {
			answered(t, c, http.StatusOK, "pid=")
		}
		st, err := s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Totals.Shed != 6 || st.Totals.Queued != before+3 || st.Totals.Requests != 4 {
			t.Errorf("totals: %+v", st.Totals)
		}
	})
}

// TestQueueOrder: requests begin in the order in which they came.
func TestQueueOrder(t *testing.T) {
	each(t, queueKinds(), func(t *testing.T, k kind) {
		s, d := start(t, k, pool.Config{MaxServers: 1}), conduct(t)
		_, p := hold(t, s, d)
		before := s.waited(t)
		var waiting []*client
		for i := range 10 {
			c := newClient(t, s.url)
			c.send(t, "GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
			s.queued(t, before+int64(i+1))
			waiting = append(waiting, c)
		}
		p.cue("go")
		last := 1
		for i, c := range waiting {
			resp := c.receive(t, "GET")
			text, _ := io.ReadAll(resp.Body)
			_, after, _ := strings.Cut(strings.TrimSpace(string(text)), "served=")
			if want := last + 1; after != itoa(want) {
				t.Errorf("request %d of those that waited was served as number %s, expected %d", i, after, want)
			}
			last++
		}
	})
}

// TestQueueTimeout: what has waited too long is refused and never begins.
func TestQueueTimeout(t *testing.T) {
	each(t, queueKinds(), func(t *testing.T, k kind) {
		s, d := start(t, k, pool.Config{MaxServers: 1, QueueTimeout: 20 * time.Millisecond}), conduct(t)
		before := warm(t, s)
		first, p := hold(t, s, d)
		c := newClient(t, s.url)
		for range 3 {
			c.send(t, "GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
			answered(t, c, http.StatusServiceUnavailable, "service unavailable\n")
		}
		p.cue("go")
		answered(t, first, http.StatusOK, "held\n")
		if _, served := c.pid(t); served != before+2 {
			t.Errorf("request %d, expected %d: those refused do not count", served, before+2)
		}
	})
}

// TestQueueNone: without a queue only an idle lane serves.
func TestQueueNone(t *testing.T) {
	each(t, queueKinds(), func(t *testing.T, k kind) {
		s, d := start(t, k, pool.Config{MaxServers: 1, QueueSize: pool.NoLimit}), conduct(t)
		warm(t, s)
		_, p := hold(t, s, d)
		c := newClient(t, s.url)
		c.send(t, "GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
		answered(t, c, http.StatusServiceUnavailable, "service unavailable\n")
		p.cue("go")
	})
}
