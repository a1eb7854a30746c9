package httpd_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// slotKind is a child with so many lanes that accepts itself.
func slotKind(lanes int) kind {
	return kinds[3].with(func(s *httpd.Server) { s.Pool.Concurrency = lanes })
}

// working counts the lanes that have a request in hand.
func (s *server) working(t *testing.T) (n int) {
	t.Helper()
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range st.Workers {
		for _, l := range w.Lanes {
			if l.State == "W" {
				n++
			}
		}
	}
	return n
}

// TestBlockedBesideFast: handlers that block hold up nobody, and learn that their
// clients have left.
func TestBlockedBesideFast(t *testing.T) {
	const blocked, clients, each = 500, 16, 50
	s := start(t, slotKind(512), pool.Config{MaxRequests: pool.NoLimit})
	var waiting []*client
	for range blocked {
		c := dialed(t, s.url)
		c.send(t, "GET /wait HTTP/1.1\r\nHost: t\r\n\r\n")
		waiting = append(waiting, c)
	}
	fast := func() {
		var wg sync.WaitGroup
		for range clients {
			c := newClient(t, s.url)
			wg.Go(func() {
				for range each {
					if _, _, err := c.whose(); err != nil {
						t.Error(err)
						return
					}
				}
				if c.closed > 0 {
					t.Error("a connection was closed")
				}
			})
		}
		wg.Wait()
	}
	fast()
	until(t, func() string {
		if n := s.working(t); n != blocked {
			return fmt.Sprintf("%d lanes are at work, expected %d", n, blocked)
		}
		return ""
	})
	fast()
	for _, c := range waiting {
		c.close()
	}
	until(t, func() string {
		if n := s.working(t); n != 0 {
			return fmt.Sprintf("%d lanes are at work although all clients have left", n)
		}
		return ""
	})
	fast()
}

// TestPipelinedBehindBlocked: answers that have gathered are sent while the request
// behind them blocks.
func TestPipelinedBehindBlocked(t *testing.T) {
	s := start(t, slotKind(8), pool.Config{MaxRequests: pool.NoLimit})
	for range 20 {
		c := dialed(t, s.url)
		const ask = "GET /pid HTTP/1.1\r\nHost: t\r\n\r\n"
		c.send(t, ask+ask+ask+"GET /wait HTTP/1.1\r\nHost: t\r\n\r\n")
		for range 3 {
			resp, err := c.read("GET")
			if err != nil || !strings.HasPrefix(resp.text, "pid=") {
				t.Fatalf("%+v %v", resp, err)
			}
		}
		c.close()
	}
}

// TestEndBehindRequests: a client that has sent its last octet gets its answers all the same,
// however its requests and the end come.
func TestEndBehindRequests(t *testing.T) {
	s := start(t, slotKind(4), pool.Config{MaxRequests: pool.NoLimit})
	const ask = "GET /pid HTTP/1.1\r\nHost: t\r\n\r\n"
	for requests := range 4 {
		for cut := 0; cut < len(ask); cut += 5 {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(conn, strings.Repeat(ask, requests))
			fmt.Fprint(conn, ask[:cut])
			_ = conn.(*net.TCPConn).CloseWrite()
			var text strings.Builder
			buf := make([]byte, 4096)
			for err == nil {
				var n int
				n, err = conn.Read(buf)
				text.Write(buf[:n])
			}
			conn.Close()
			if n := strings.Count(text.String(), "200 OK"); n != requests {
				t.Errorf("%d answers to %d requests:\n%s", n, requests, text.String())
			}
		}
	}
}
