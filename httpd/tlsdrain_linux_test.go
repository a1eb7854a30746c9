package httpd_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// guarded is a connection on which no more than the first octets are sent before gate
// is closed.
type guarded struct {
	net.Conn
	first int // octets, negative: all of the first write
	gate  chan struct{}
	stuck chan struct{} // gets a value when something waits
}

func (g *guarded) Write(p []byte) (n int, err error) {
	switch {
	case g.first < 0:
		g.first = 0
		return g.Conn.Write(p)
	case g.first > 0:
		part := p[:min(g.first, len(p))]
		g.first = 0
		if n, err = g.Conn.Write(part); err != nil {
			return n, err
		}
	}
	select {
	case <-g.gate:
	default:
		g.stuck <- struct{}{}
		<-g.gate
	}
	m, err := g.Conn.Write(p[n:])
	return n + m, err
}

// overTLS is the kind with an address for TLS beside.
func overTLS(t *testing.T, k kind) kind {
	file := certificateFile(t)
	return k.with(func(s *httpd.Server) {
		s.Listen, s.TLS.CertFiles = []string{"https://127.0.0.1:0"}, []string{file}
	})
}

// caught is a client that has not sent all of its request.
type caught struct {
	*client
	rest   func(t *testing.T) // sends what is missing
	method string
	untold bool // that the child leaves may not have come to it yet
}

// catches are ways to be caught by a server that leaves. before is sent then, and after
// when the server has begun to leave; handshake is how much of the handshake is sent
// before, 0 for all of it, and then the request is after.
var catches = []struct {
	name, first, before, after string
	handshake                  int
}{
	{name: "half a head", before: "GET /pid HTT", after: "P/1.1\r\nHost: t\r\n\r\n"},
	{name: "half a second head", first: "GET /pid HTTP/1.1\r\nHost: t\r\n\r\n", before: "GET /pid HTT", after: "P/1.1\r\nHost: t\r\n\r\n"},
	{name: "half a body", before: "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nfirst", after: "last"},
	{name: "half a long body", before: "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\nfirst", after: strings.Repeat("l", 100000-5)},
	{name: "fresh", after: "GET /pid HTTP/1.1\r\nHost: t\r\n\r\n"},
	{name: "half a handshake", after: "GET /pid HTTP/1.1\r\nHost: t\r\n\r\n", handshake: -1},
	{name: "half a client hello", after: "GET /pid HTTP/1.1\r\nHost: t\r\n\r\n", handshake: 50},
}

// catch makes the n-th connection of a server one of these.
func catch(t *testing.T, s *server, i int) caught {
	t.Helper()
	how := catches[i]
	raw, err := net.Dial("tcp", strings.TrimPrefix(s.url, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	config := &tls.Config{InsecureSkipVerify: true}
	method, _, _ := strings.Cut(how.before+how.after, " ")
	if how.handshake != 0 {
		g := &guarded{Conn: raw, first: how.handshake, gate: make(chan struct{}), stuck: make(chan struct{}, 1)}
		c := adopted(tls.Client(g, config))
		done := make(chan error, 1)
		go func() { done <- c.conn.(*tls.Conn).Handshake() }()
		<-g.stuck
		return caught{client: c, method: method, rest: func(t *testing.T) {
			close(g.gate)
			if err := <-done; err != nil {
				t.Fatalf("handshake: %v", err)
			}
			c.send(t, how.after)
		}}
	}
	c := adopted(tls.Client(raw, config))
	if err := c.conn.(*tls.Conn).Handshake(); err != nil {
		t.Fatal(err)
	}
	if how.first != "" {
		c.send(t, how.first)
		resp := c.receive(t, method)
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	c.send(t, how.before)
	return caught{client: c, method: method, rest: func(t *testing.T) { c.send(t, how.after) }}
}

// farewell sends the rest and expects an answer, which is the last one.
func (c caught) farewell(t *testing.T) { c.last(t) }

// last is farewell that tells what the answer says.
func (c caught) last(t *testing.T) string {
	t.Helper()
	c.rest(t)
	resp, err := http.ReadResponse(c.r, &http.Request{Method: c.method})
	if err != nil {
		t.Errorf("no answer: %v", err)
		return ""
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || len(text) == 0 {
		t.Errorf("answer: %s, %d octets, %v", resp.Status, len(text), err)
	}
	if !resp.Close && !c.untold {
		t.Error("the answer does not say that it is the last one")
	}
	// io.EOF is close_notify, anything else an end that anybody could have made.
	if n, err := c.conn.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		t.Errorf("after the last answer: %d octets, %v", n, err)
	}
	return string(text)
}

// waits checks that the connection is left open for longer than an idle one is.
func (c caught) waits(t *testing.T) {
	t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := c.conn.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a new connection: %d octets, %v", n, err)
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
}

// keptTLS is an idle connection that has had an answer. Its end says that the front has
// begun to drain.
func keptTLS(t *testing.T, s *server) net.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	c := adopted(conn)
	t.Cleanup(c.close)
	c.pid(t)
	return conn
}

// dismissed waits until an idle connection is closed, in the way of TLS.
func dismissed(t *testing.T, idle net.Conn) {
	t.Helper()
	if n, err := idle.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		t.Errorf("an idle connection: %d octets, %v", n, err)
	}
	idle.Close()
}

// TestTLSLeaves: connections with TLS cannot move. A child that leaves answers those
// that have begun to ask, or are new.
func TestTLSLeaves(t *testing.T) {
	atOnce(t, slices.Concat(kinds[3:4], acceptingKinds), func(t *testing.T, k kind) {
		s := start(t, overTLS(t, k), pool.Config{MaxServers: 1, RetireTimeout: patience})
		for i, how := range catches {
			t.Run(how.name, func(t *testing.T) {
				var idle net.Conn
				if !k.single() {
					idle = keptTLS(t, s)
				}
				c := catch(t, s, i)
				// Who has waited does so long enough for the news to have come.
				c.untold = idle == nil && how.name != "fresh"
				n := int64(0)
				s.awaitStatus(t, "the connection with the worker", func(st *httpd.Status) bool {
					if n = 0; idle != nil {
						n = 1
					}
					return len(st.Workers) == 1 && st.Workers[0].Connections == n+1
				})
				done := make(chan error, 1)
				retired := s.retired()
				go func() {
					if i%2 == 0 {
						done <- s.Reload(t.Context())
					} else {
						done <- s.Recycle(t.Context(), s.workers(t)[0].Slot)
					}
				}()
				if idle != nil {
					dismissed(t, idle)
				} else {
					until(t, func() string {
						if s.retired() == retired {
							return "nobody has retired"
						}
						return ""
					})
				}
				if how.name == "fresh" {
					c.waits(t)
				}
				c.farewell(t)
				c.close()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		}
		for _, life := range s.lives() {
			if strings.Contains(life, "kill") {
				t.Errorf("life: %s", life)
			}
		}
	})
}

// workers are those that do not retire.
func (s *server) workers(t *testing.T) []httpd.StatusWorker {
	t.Helper()
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st.Workers
}

// retired is how many workers were told to leave.
func (s *server) retired() (n int) {
	for _, life := range s.lives() {
		n += strings.Count(life, "retire(")
	}
	return n
}

// TestTLSStops: so does a server that stops, of every kind.
func TestTLSStops(t *testing.T) {
	atOnce(t, []kind{kinds[1], kinds[2], kinds[3], acceptingKinds[1]}, func(t *testing.T, k kind) {
		s := start(t, overTLS(t, k), pool.Config{MaxServers: 1})
		idle := keptTLS(t, s)
		var all []caught
		for i := range catches {
			all = append(all, catch(t, s, i))
		}
		s.awaitStatus(t, "all connections", func(st *httpd.Status) bool {
			return st.Totals.Connections == int64(1+len(catches))
		})
		ended := make(chan error, 1)
		go func() { ended <- s.stop() }()
		dismissed(t, idle)
		for i, c := range all {
			t.Run(catches[i].name, c.farewell)
			c.close()
		}
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}
