package httpd_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/pool"
)

// streamKinds are the kinds whose handlers can be directed.
func streamKinds() []kind { return kinds[:5] }

// TestStreamPieces: each piece reaches the client before the next is produced.
func TestStreamPieces(t *testing.T) {
	each(t, streamKinds(), func(t *testing.T, k kind) {
		s, d := start(t, k, pool.Config{}), conduct(t)
		c := newClient(t, s.url)
		for range 2 { // over one connection
			c.send(t, "GET /paced"+d.by()+" HTTP/1.1\r\nHost: test\r\n\r\n")
			p := d.next()
			p.cue("one")
			resp := c.receive(t, "GET")
			if !slices.Equal(resp.TransferEncoding, []string{"chunked"}) {
				t.Errorf("head: %+v", resp)
			}
			body := bufio.NewReader(resp.Body)
			for _, cue := range []string{"one", "two", "three"} {
				if cue != "one" {
					p.cue(cue)
				}
				if line, err := body.ReadString('\n'); err != nil || line != "piece "+cue+"\n" {
					t.Fatalf("%q %v", line, err)
				}
			}
			p.conn.Close()
			if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
				t.Errorf("rest: %q %v", rest, err)
			}
		}
		if k.moves {
			s.expect(times(2, "start ready")...)
		}
		c.close()
		newClient(t, s.url).pid(t)
	})
}

// TestStreamCut: a stream that ends by a panic or an error is cut for the client,
// never ended cleanly; a panic costs the worker.
func TestStreamCut(t *testing.T) {
	each(t, streamKinds(), func(t *testing.T, k kind) {
		for _, how := range []string{"panic", "fail"} {
			if how == "fail" && k.name == "program in Go" {
				continue // there is no such thing in net/http
			}
			t.Run(how, func(t *testing.T) {
				s, d := start(t, k, pool.Config{}), conduct(t)
				c := newClient(t, s.url)
				c.send(t, "GET /paced"+d.by()+" HTTP/1.1\r\nHost: test\r\n\r\n")
				p := d.next()
				p.cue("one")
				resp := c.receive(t, "GET")
				body := bufio.NewReader(resp.Body)
				if line, err := body.ReadString('\n'); err != nil || line != "piece one\n" {
					t.Fatalf("%q %v", line, err)
				}
				p.cue(how)
				if rest, err := io.ReadAll(body); len(rest) > 0 ||
					!errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(err.Error(), "reset") {
					t.Errorf("end of the stream: %q %v, expected a cut", rest, err)
				}
				p.gone()
				if how == "panic" {
					s.expect("start ready", "start ready exited(crash)", "start ready")
					st, err := s.Status(context.Background())
					if err != nil {
						t.Fatal(err)
					}
					if e := st.Exits[0]; e.Request != "GET /paced"+d.by() {
						t.Errorf("exit in status: %+v", e)
					}
				} else {
					s.expect(times(2, "start ready")...)
				}
				newClient(t, s.url).pid(t)
			})
		}
	})
}

// TestStreamCutAtOnce: the same if nobody waits for the pieces in between.
func TestStreamCutAtOnce(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		for i := range 5 {
			status, text, err := newClient(t, s.url).try("GET", "/cut", "")
			if err == nil {
				t.Errorf("a stream that ends by a panic came to a clean end: %d %q", status, text)
			}
			s.awaitLives(t, "start ready exited(crash)", i+1)
		}
		newClient(t, s.url).pid(t)
	})
}

// awaitLives waits until n workers have had a life.
func (s *server) awaitLives(t *testing.T, life string, n int) {
	t.Helper()
	deadline := time.AfterFunc(patience, s.moved.Broadcast)
	defer deadline.Stop()
	begun := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		have := 0
		for _, one := range lives(s.steps) {
			if one == life {
				have++
			}
		}
		if have >= n {
			return
		}
		if time.Since(begun) >= patience {
			t.Fatalf("%d times %q expected:\n  %s", n, life, strings.Join(lives(s.steps), "\n  "))
		}
		s.moved.Wait()
	}
}

// TestStreamLength: a stream that does not have the length it says is cut, and
// never runs over into the next answer.
func TestStreamLength(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		for _, n := range []struct{ say, write int }{
			{5, 5}, {100_000, 100_000}, {5, 4}, {100_000, 99_999}, {5, 6}, {5, 100_000}, {100_000, 200_000},
		} {
			c := newClient(t, s.url)
			status, text, err := c.try("GET", fmt.Sprintf("/sized?say=%d&write=%d", n.say, n.write), "")
			switch {
			case err == nil && status == http.StatusBadGateway && n.say != n.write && text == "bad gateway\n":
			case err == nil && (status != http.StatusOK || len(text) != n.say || n.write < n.say):
				t.Errorf("%d octets announced, %d written: %d, %d octets %v", n.say, n.write, status, len(text), err)
			case err != nil && n.say == n.write:
				t.Errorf("%d octets announced and written: %v", n.say, err)
			}
			c.pid(t)
		}
	})
}

// TestStreamSlowReader: a client that does not read stops the handler, which ends
// when the client leaves.
func TestStreamSlowReader(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		s, d := start(t, k, pool.Config{}), conduct(t)
		c := newClient(t, s.url)
		if err := c.dial(); err != nil {
			t.Fatal(err)
		}
		_ = c.conn.(*net.TCPConn).SetReadBuffer(16 << 10)
		c.send(t, "GET /flood"+d.by()+" HTTP/1.1\r\nHost: test\r\n\r\n")
		p := d.next()
		// The handler is held back once it says nothing for a while. If it is
		// only slow, this ends too early, and the test cannot tell.
		const much = 64 << 20
		total := 0
		for total < much {
			_ = p.conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
			line, err := p.r.ReadString('\n')
			if errors.Is(err, errDeadline) && line == "" {
				break
			}
			if err != nil {
				t.Fatalf("%q %v", line, err)
			}
			total += 32 << 10
		}
		if total >= much {
			t.Errorf("%d octets were produced for a client that reads none", total)
		}
		c.close()
		for {
			line := p.line()
			if strings.HasPrefix(line, "over:") {
				if line != "over: true" {
					t.Errorf("the handler was not told that the client has left: %s", line)
				}
				break
			}
		}
		p.gone()
		s.expect(times(2, "start ready")...)
		newClient(t, s.url).pid(t)
	})
}

// TestClientLeaves: the context of a request ends with its client.
func TestClientLeaves(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		s, d := start(t, k, pool.Config{}), conduct(t)
		for range 3 {
			c := newClient(t, s.url)
			c.send(t, "GET /watch"+d.by()+" HTTP/1.1\r\nHost: test\r\n\r\n")
			p := d.next()
			if line := p.line(); line != "watching" {
				t.Fatal(line)
			}
			c.close()
			if line := p.line(); line != "httpd: client left" {
				t.Errorf("the request's context ended because of: %s", line)
			}
			p.gone()
		}
		s.expect(times(2, "start ready")...)
		newClient(t, s.url).pid(t)
	})
}

// TestClientStays: a client that sends its next request early has not left.
func TestClientStays(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		s, d := start(t, k, pool.Config{}), conduct(t)
		c := newClient(t, s.url)
		c.send(t, "GET /held"+d.by()+" HTTP/1.1\r\nHost: test\r\n\r\nGET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
		d.next().cue("go")
		for _, want := range []string{"held\n", "pid="} {
			resp := c.receive(t, http.MethodGet)
			text, err := io.ReadAll(resp.Body)
			if err != nil || !strings.HasPrefix(string(text), want) {
				t.Errorf("%q %v, expected %q", text, err, want)
			}
		}
	})
}
