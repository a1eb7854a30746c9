package httpd_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestSlowloris: a thousand clients that send an octet now and then hold no
// worker, disturb nobody, and are all cut.
func TestSlowloris(t *testing.T) {
	sideBySide(t, frontKinds(), func(t *testing.T, k kind) {
		crowd := 1000
		if k.name != kinds[0].name && !k.owns() {
			crowd = 250 // it is the same front that holds them, whatever is behind it
		}
		s := start(t, k.with(func(s *httpd.Server) {
			s.Limits.HeaderTimeout, s.Limits.ReadTimeout = 2*time.Second, 2*time.Second
		}), probePool)
		var clients []*client
		for i := range crowd {
			c := dialed(t, s.url)
			if i%2 == 0 {
				c.push("GET /pid HTTP/1.1\r\nHost: t\r\nA: ")
			} else {
				c.push("GET /pid HTT")
			}
			clients = append(clients, c)
		}
		// The octets, round and round.
		over := make(chan struct{})
		var sending, reading sync.WaitGroup
		sending.Go(func() {
			ticker := time.NewTicker(time.Millisecond)
			defer ticker.Stop()
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				case <-ticker.C:
				}
				for j := range 5 {
					if i := (5*i + j) % crowd; i%2 == 0 {
						clients[i].push("a")
					}
				}
			}
		})
		var gone atomic.Int64
		for _, c := range clients {
			reading.Go(func() {
				answer, err := io.ReadAll(c.r)
				if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 408 ")) {
					t.Errorf("%q %v, expected 408 and the end", answer, err)
				}
				gone.Add(1)
			})
		}
		cut := make(chan struct{})
		go func() {
			defer close(cut)
			reading.Wait()
		}()
		strict := newClient(t, s.url)
		for done, before := false, int64(0); !done; {
			select {
			case <-cut:
				done = true
			default:
			}
			strict.pid(t)
			s.idle(t)
			// Those who have turns are cut one after the other: the time is for the next.
			if n := gone.Load(); n > before {
				before = n
				for _, c := range clients {
					_ = c.conn.SetDeadline(time.Now().Add(patience))
				}
			}
		}
		close(over)
		sending.Wait()
	})
}

// wholeKinds are kinds whose answers are produced whole before they are sent.
func wholeKinds() []kind {
	list := probeHandlerKinds()
	return []kind{list[0], list[1], list[3]}
}

// smallWindow makes a client take little at a time.
func smallWindow(t *testing.T, c *client) {
	t.Helper()
	if conn, ok := c.conn.(*net.TCPConn); ok {
		if err := conn.SetReadBuffer(16 << 10); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSlowReaders: clients that do not take their answer hold no worker, and are
// cut.
func TestSlowReaders(t *testing.T) {
	const size, crowd = 10 << 20, 8
	atOnce(t, wholeKinds(), func(t *testing.T, k kind) {
		s := start(t, overBoth(t, k.with(func(s *httpd.Server) { s.Limits.WriteTimeout = time.Second })), probePool)
		s.eachAddress(t, func(t *testing.T, url string) {
			var clients []*client
			for range crowd {
				c := dialed(t, url)
				smallWindow(t, c)
				c.push(fmt.Sprintf("GET /big?n=%d HTTP/1.1\r\nHost: t\r\n\r\n", size))
				clients = append(clients, c)
			}
			for _, c := range clients {
				if _, err := c.conn.Read(make([]byte, 1)); err != nil { // it is being sent
					t.Fatal(err)
				}
			}
			s.idle(t)
			strict := newClient(t, url)
			for range 10 {
				strict.pid(t)
			}
			for _, c := range clients {
				for { // what it sends is refused once the connection is closed
					if _, err := io.WriteString(c.conn, "a"); err != nil {
						if errors.Is(err, errDeadline) {
							t.Error("a client that takes nothing was not cut")
						}
						break
					}
					time.Sleep(5 * time.Millisecond) // between two looks
				}
				c.close()
			}
			strict.pid(t)
		})
	})
}

// TestSlowReaderGoesOn: a client that takes its answer slowly gets it, however
// long that lasts in all.
func TestSlowReaderGoesOn(t *testing.T) {
	const size = 6 << 20 // almost four seconds, of which the machine may take one or two
	atOnce(t, wholeKinds(), func(t *testing.T, k kind) {
		s := start(t, overBoth(t, k.with(func(s *httpd.Server) { s.Limits.WriteTimeout = 2 * time.Second })), probePool)
		s.eachAddress(t, func(t *testing.T, url string) {
			c := dialed(t, url)
			smallWindow(t, c)
			c.push(fmt.Sprintf("GET /big?n=%d HTTP/1.1\r\nHost: t\r\n\r\n", size))
			resp := c.receive(t, "GET")
			ticker := time.NewTicker(40 * time.Millisecond)
			defer ticker.Stop()
			total, buf := int64(0), make([]byte, 64<<10)
			for total < size {
				<-ticker.C
				n, err := io.ReadFull(resp.Body, buf)
				total += int64(n)
				if err != nil && total < size {
					t.Fatalf("after %d octets: %v", total, err)
				}
			}
			s.idle(t)
			c.push("GET /pid HTTP/1.1\r\nHost: t\r\n\r\n")
			if resp, err := c.read("GET"); err != nil || !strings.HasPrefix(resp.text, "pid=") {
				t.Errorf("next: %+v %v", resp, err)
			}
		})
	})
}

// TestStreamPauses: a handler that takes its time between two pieces is not taken
// for a slow client.
func TestStreamPauses(t *testing.T) {
	atOnce(t, streamKinds(), func(t *testing.T, k kind) {
		s, d := start(t, k.with(short), probePool), conduct(t)
		slow := dialed(t, s.url)
		slow.push("GET /paced" + d.by() + " HTTP/1.1\r\nHost: t\r\n\r\n")
		p := d.next()
		resp := slow.receiveAfter(t, p)
		for range 3 {
			// An idle connection that is cut tells that the time was long enough.
			dialed(t, s.url).over(t)
			p.cue("on")
			line := make([]byte, len("piece on\n"))
			if _, err := io.ReadFull(resp.Body, line); err != nil || string(line) != "piece on\n" {
				t.Fatalf("%q %v", line, err)
			}
		}
		p.conn.Close()
		if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
			t.Errorf("rest: %q %v", rest, err)
		}
		slow.push("GET /pid HTTP/1.1\r\nHost: t\r\n\r\n")
		if resp, err := slow.read("GET"); err != nil || !strings.HasPrefix(resp.text, "pid=") {
			t.Errorf("next: %+v %v", resp, err)
		}
	})
}

// receiveAfter reads the head of a stream, which its first piece brings, and that.
func (c *client) receiveAfter(t *testing.T, p *player) reply {
	t.Helper()
	p.cue("first")
	resp := c.receive(t, "GET")
	line := make([]byte, len("piece first\n"))
	if _, err := io.ReadFull(resp.Body, line); err != nil {
		t.Fatal(err)
	}
	return reply{Response: resp}
}

// slowSorts are ways to be a burden. Each gets a connection of its own and an
// octet clock, and ends when it is cut or the clock is.
var slowSorts = []func(c *client, tick func() bool){
	func(c *client, tick func() bool) { // a head without end
		for c.push("GET /see HTTP/1.1\r\nHost: t\r\nX-Field: "); tick(); {
			c.push("slow")
		}
	},
	func(c *client, tick func() bool) { // a body, octet by octet
		for c.push(asks("Content-Length: 1000000\r\n")); tick(); {
			c.push("slow")
		}
	},
	func(c *client, tick func() bool) { // chunks
		for c.push(asks("Transfer-Encoding: chunked\r\n")); tick(); {
			c.push("4\r\nslow\r\n")
		}
	},
	func(c *client, tick func() bool) { // asks whether it may, and does nothing
		for c.push(asks("Content-Length: 5\r\nExpect: 100-continue\r\n")); tick(); {
		}
	},
	func(c *client, tick func() bool) { // takes nothing
		for c.push(strings.Repeat("GET /big?n=300000 HTTP/1.1\r\nHost: t\r\n\r\n", 10)); tick(); {
		}
	},
	func(c *client, tick func() bool) { // takes little
		for c.push("GET /big?n=300000 HTTP/1.1\r\nHost: t\r\n\r\n"); tick(); {
			_, _ = c.conn.Read(make([]byte, 100))
		}
	},
	func(c *client, tick func() bool) { // leaves in the middle
		c.push(asks("Content-Length: 400000\r\n") + strings.Repeat("slow", 10_000))
		tick()
	},
	func(c *client, tick func() bool) { // sends nothing
		for tick() {
		}
	},
	func(c *client, tick func() bool) { // is refused, and goes on
		for c.push("GET /see HTTP/1.1\r\n\r\n"); tick(); {
			c.push("GET /see HTTP/1.1\r\nHost: slow\r\n\r\n")
		}
	},
	func(c *client, tick func() bool) { // asks for much, and leaves
		c.push(strings.Repeat("GET /see HTTP/1.1\r\nHost: slow\r\n\r\n", 5))
		tick()
	},
}

// TestSlowCrowd: beside two hundred slow clients of all sorts a strict one gets
// right answers only.
func TestSlowCrowd(t *testing.T) {
	const crowd, requests = 200, 200
	sideBySide(t, probeHandlerKinds(), func(t *testing.T, k kind) {
		s := start(t, k.with(func(s *httpd.Server) {
			second := time.Second
			s.Limits.HeaderTimeout, s.Limits.ReadTimeout, s.Limits.WriteTimeout = second, second, second
		}), pool.Config{MaxRequests: 1000, QueueTimeout: pool.NoLimit, QueueSize: 10_000})
		over := make(chan struct{})
		var slow sync.WaitGroup
		stop := sync.OnceFunc(func() {
			close(over)
			slow.Wait()
		})
		defer stop()
		for i := range crowd {
			slow.Go(func() {
				ticker := time.NewTicker(100 * time.Millisecond)
				defer ticker.Stop()
				tick := func() bool {
					select {
					case <-over:
						return false
					case <-ticker.C:
						return true
					}
				}
				for tick() {
					c := &client{network: "tcp", address: strings.TrimPrefix(s.url, "http://")}
					if c.dial() != nil {
						continue
					}
					lived := 0
					slowSorts[i%len(slowSorts)](c, func() bool { lived++; return lived < 30 && tick() })
					c.close()
					for range 20 {
						tick()
					}
				}
			})
		}
		c := newClient(t, s.url)
		body := strings.Repeat("strict", 5000)
		for i := range requests {
			var status int
			var text, want string
			var err error
			switch i % 3 {
			case 0:
				status, text, err = c.get("/see")
				want = seen("GET", "localhost", "", "")
			case 1:
				status, text, err = c.do("POST", "/see", "strict")
				want = seen("POST", "localhost", "", "strict")
			case 2:
				status, text, err = c.do("POST", "/echo", body)
				want = body
			}
			if err != nil || status != 200 || text != want {
				t.Fatalf("request %d: %d %.200q %v", i, status, text, err)
			}
		}
		if k.moves && c.closed > 0 {
			t.Errorf("the connection was closed %d times", c.closed)
		}
		stop()
		s.idle(t)
	})
}
