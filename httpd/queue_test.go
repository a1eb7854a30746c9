package httpd_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

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

// queued waits until n requests have been queued in all.
func (s *server) queued(t *testing.T, n int64) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		st, err := s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Totals.Queued == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d requests have been queued, expected %d", st.Totals.Queued, n)
		}
	}
}

// TestQueueFull: what finds the queue full is refused at once, and what waits is
// served in order.
func TestQueueFull(t *testing.T) {
	each(t, queueKinds(), func(t *testing.T, k kind) {
		s, d := start(t, k, pool.Config{MaxServers: 1, QueueSize: 3, QueueTimeout: pool.NoLimit}), conduct(t)
		first, p := hold(t, s, d)
		var waiting []*client
		for i := range 3 {
			c := newClient(t, s.url)
			c.send(t, "GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
			s.queued(t, int64(i+1))
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
		for i, c := range waiting {
			answered(t, c, http.StatusOK, "pid=")
			_ = i
		}
		st, err := s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Totals.Shed != 6 || st.Totals.Queued != 3 || st.Totals.Requests != 4 {
			t.Errorf("totals: %+v", st.Totals)
		}
	})
}

// TestQueueOrder: requests begin in the order in which they came.
func TestQueueOrder(t *testing.T) {
	each(t, queueKinds(), func(t *testing.T, k kind) {
		s, d := start(t, k, pool.Config{MaxServers: 1}), conduct(t)
		_, p := hold(t, s, d)
		var waiting []*client
		for i := range 10 {
			c := newClient(t, s.url)
			c.send(t, "GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
			s.queued(t, int64(i+1))
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
		first, p := hold(t, s, d)
		c := newClient(t, s.url)
		for range 3 {
			c.send(t, "GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
			answered(t, c, http.StatusServiceUnavailable, "service unavailable\n")
		}
		p.cue("go")
		answered(t, first, http.StatusOK, "held\n")
		if _, served := c.pid(t); served != 2 {
			t.Errorf("request %d, expected the second: those refused do not count", served)
		}
	})
}

// TestQueueNone: without a queue only an idle lane serves.
func TestQueueNone(t *testing.T) {
	each(t, queueKinds(), func(t *testing.T, k kind) {
		s, d := start(t, k, pool.Config{MaxServers: 1, QueueSize: pool.NoLimit}), conduct(t)
		_, p := hold(t, s, d)
		c := newClient(t, s.url)
		c.send(t, "GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
		answered(t, c, http.StatusServiceUnavailable, "service unavailable\n")
		p.cue("go")
	})
}
