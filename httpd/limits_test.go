package httpd_test

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// short are limits of time that tests can wait for.
func short(s *httpd.Server) {
	const limit = 300 * time.Millisecond
	s.Limits.HeaderTimeout, s.Limits.ReadTimeout = limit, limit
	s.Limits.WriteTimeout, s.Limits.IdleTimeout = limit, limit
}

// TestHeaderTimeout: RFC 9110, section 15.5.9: a head that does not come to its
// end is answered 408, whatever of it keeps coming.
func TestHeaderTimeout(t *testing.T) {
	atOnce(t, usualKinds(), func(t *testing.T, k kind) {
		s := start(t, overBoth(t, k.with(short)), probePool)
		s.eachAddress(t, func(t *testing.T, url string) {
			var slow []*client // all at a time
			for _, begun := range []string{"G", "GET /pid HTTP/1.1\r\nHost: t\r\n", "GET /pid HTTP/1.1\r\nHost: t\r\n\r"} {
				for _, first := range []string{"", "HEAD /pid HTTP/1.1\r\nHost: t\r\n\r\n"} {
					c := dialed(t, url)
					c.push(first)
					if first != "" {
						if resp, err := c.read("HEAD"); err != nil || resp.StatusCode != 200 {
							t.Fatalf("%+v %v", resp, err)
						}
					}
					c.push(begun)
					slow = append(slow, c)
				}
			}
			for _, c := range slow {
				refusesSlow(t, c, func() bool { return false })
			}
			// Octets that keep coming do not help.
			c := dialed(t, url)
			c.push("GET /pid HTTP/1.1\r\nHost: t\r\nA: ")
			refusesSlow(t, c, func() bool {
				_, err := io.WriteString(c.conn, "a")
				return err == nil
			})
		})
		if n := s.requests(t); n > 6*int64(len(s.Addrs())) {
			t.Errorf("%d requests have reached a handler", n)
		}
	})
}

// refusesSlow waits for a 408 and the end, while more comes as long as it can.
func refusesSlow(t *testing.T, c *client, more func() bool) {
	t.Helper()
	answer := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for more() {
			select {
			case <-answer:
				return
			case <-ticker.C:
			}
		}
	})
	resp, err := c.read("GET")
	close(answer)
	sending.Wait()
	if err != nil || resp.StatusCode != 408 || !resp.Close || resp.text == "" {
		t.Errorf("%+v %v, expected 408", resp, err)
	}
	c.over(t)
	c.close()
}

// TestReadTimeout: RFC 9110, section 15.5.9: a body that stops is answered 408;
// one that goes on is not, however slowly.
func TestReadTimeout(t *testing.T) {
	atOnce(t, usualKinds(), func(t *testing.T, k kind) {
		s := start(t, k.with(short), probePool)
		var wg sync.WaitGroup
		for _, begun := range []string{
			"Content-Length: 5\r\n\r\nhell", "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhell", "Content-Length: 50000\r\n\r\nhell",
			"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Field: a",
		} {
			c := dialed(t, s.url)
			wg.Go(func() {
				c.push("POST /echo HTTP/1.1\r\nHost: t\r\n" + begun)
				refusesSlow(t, c, func() bool { return false })
			})
		}
		const length = 25
		c := dialed(t, s.url)
		wg.Go(func() {
			c.push(fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n", length))
			ticker := time.NewTicker(30 * time.Millisecond)
			defer ticker.Stop()
			for range length {
				<-ticker.C
				c.push("a")
			}
			if resp, err := c.read("POST"); err != nil || resp.text != strings.Repeat("a", length) {
				t.Errorf("a body that kept coming: %+v %v", resp, err)
			}
		})
		wg.Wait()
		if n := s.requests(t); n != 1 {
			t.Errorf("%d requests have reached a handler, expected 1", n)
		}
	})
}

// TestIdleTimeout: RFC 9112, section 9.5: connections without a request are
// closed, and nothing is said on them.
func TestIdleTimeout(t *testing.T) {
	atOnce(t, usualKinds(), func(t *testing.T, k kind) {
		s := start(t, overBoth(t, k.with(short)), probePool)
		s.eachAddress(t, func(t *testing.T, url string) {
			fresh, kept := dialed(t, url), dialed(t, url)
			kept.push("GET /pid HTTP/1.1\r\nHost: t\r\n\r\n")
			if resp, err := kept.read("GET"); err != nil || resp.Close {
				t.Fatalf("%+v %v", resp, err)
			}
			fresh.over(t)
			kept.over(t)
		})
	})
}

// TestSizes: RFC 6585, section 5, and RFC 9110, section 15.5.14: the limits of
// sizes are exact to the octet.
func TestSizes(t *testing.T) {
	const body, header = 40_000, gateHeader
	everyKind(t, func(t *testing.T, k kind) {
		s := start(t, k.with(func(s *httpd.Server) {
			s.Limits.MaxBodySize, s.Limits.MaxHeaderSize = body, header
		}), probePool)
		head := func(n int) string {
			const before, after = "GET /pid HTTP/1.1\r\nHost: t\r\nA: ", "\r\n\r\n"
			return before + strings.Repeat("a", n-len(before)-len(after)) + after
		}
		line := func(n int) string {
			const before, after = "GET /", " HTTP/1.1\r\n"
			return before + strings.Repeat("p", n-len(before)-len(after)) + after + "Host: t\r\n\r\n"
		}
		length := func(n int) string {
			return fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s", n, strings.Repeat("a", n))
		}
		chunks := func(n, size int) string {
			var out strings.Builder
			out.WriteString(chunked(""))
			for n > 0 {
				now := min(n, size)
				fmt.Fprintf(&out, "%x\r\n%s\r\n", now, strings.Repeat("a", now))
				n -= now
			}
			return out.String() + "0\r\n\r\n"
		}
		trailer := func(n int) string {
			return chunked("0\r\nA: " + strings.Repeat("a", n-len("A: \r\n")) + "\r\n\r\n")
		}
		for _, r := range []struct {
			name    string
			request string
			status  int
		}{
			{"head", head(header), 200}, {"head", head(header + 1), 431},
			{"request-line", line(header / 2), 404}, {"request-line", line(header/2 + 1), 414},
			{"length", length(body), 200}, {"length", length(body + 1), 413},
			{"one chunk", chunks(body, body), 200}, {"one chunk", chunks(body+1, body+1), 413},
			{"small chunks", chunks(body, 7), 200}, {"small chunks", chunks(body+1, 7), 413},
			{"trailer", trailer(header), 200}, {"trailer", trailer(header + 1), 431},
		} {
			t.Run(fmt.Sprint(r.name, " ", r.status), func(t *testing.T) {
				c := dialed(t, s.url)
				c.push(r.request)
				method, _, _ := strings.Cut(r.request, " ")
				resp, err := c.read(method)
				if err != nil || resp.StatusCode != r.status || resp.Close != (r.status > 404) {
					t.Fatalf("%+v %v", resp, err)
				}
				if r.status == 200 && strings.HasSuffix(r.name, "chunk") && len(resp.text) != body {
					t.Errorf("%d octets have come back", len(resp.text))
				}
			})
		}
	})
}

// TestBodyMemory: bodies that have no place in memory reach the handler octet for
// octet, and leave nothing behind.
func TestBodyMemory(t *testing.T) {
	const clients = 4 // two of their smallest bodies are more than there is memory
	each(t, probeKinds(), func(t *testing.T, k kind) {
		dir := t.TempDir()
		t.Setenv("TMPDIR", dir)
		s := start(t, k.with(func(s *httpd.Server) { s.Limits.BodyMemory = 100_000 }),
			pool.Config{MaxRequests: pool.NoLimit, QueueTimeout: pool.NoLimit})
		var wg sync.WaitGroup
		for i := range clients {
			c := dialed(t, s.url)
			wg.Go(func() {
				source := rand.NewChaCha8([32]byte{byte(i)})
				for round, size := range []int{10_000, 60_000, 1 << 20, 1<<20 + 1, 3 << 20} {
					body := make([]byte, size)
					_, _ = source.Read(body)
					want := fmt.Sprintf("%d %x\n", size, sha1.Sum(body))
					var out bytes.Buffer
					if (i+round)%2 == 0 {
						fmt.Fprintf(&out, "POST /sum HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s", size, body)
					} else {
						out.WriteString("POST /sum HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
						for rest := body; len(rest) > 0; {
							n := min(len(rest), 1+rand.IntN(70_000))
							fmt.Fprintf(&out, "%x\r\n%s\r\n", n, rest[:n])
							rest = rest[n:]
						}
						out.WriteString("0\r\n\r\n")
					}
					c.push(out.String())
					if resp, err := c.read("POST"); err != nil || resp.text != want {
						t.Errorf("%d octets: %+v %v, expected %s", size, resp, err, want)
						return
					}
				}
				// And one that leaves in the middle.
				c.push("POST /sum HTTP/1.1\r\nHost: t\r\nContent-Length: 3000000\r\n\r\n" + strings.Repeat("a", 2_000_000))
				c.close()
			})
		}
		wg.Wait()
		// A file has a name for a moment, and the last clients have not waited.
		until(t, func() string {
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				return fmt.Sprintf("left behind: %v %v", left, err)
			}
			return ""
		})
	})
}

// TestMaxConnsPerAddress: connections beyond the limit are closed at once, and
// there is a place again when one of the others has ended.
func TestMaxConnsPerAddress(t *testing.T) {
	const limit = 3
	each(t, []kind{kinds[0], kinds[2]}, func(t *testing.T, k kind) {
		s := start(t, overBoth(t, k.with(func(s *httpd.Server) { s.Limits.MaxConnsPerAddress = limit })), probePool)
		var in []*client
		for range limit {
			c := newClient(t, s.url)
			c.pid(t)
			in = append(in, c)
		}
		for range 5 {
			c := dialed(t, s.url)
			if rest, err := io.ReadAll(c.r); len(rest) > 0 || err != nil && !isReset(err) {
				t.Errorf("one connection too many: %q %v", rest, err)
			}
			c.close()
		}
		for range 2 * limit { // a UNIX socket has no addresses
			newClient(t, s.Addrs()[1]).pid(t)
		}
		for _, c := range in {
			c.pid(t)
		}
		in[0].close()
		c := newClient(t, s.url)
		if c.pid(t); c.closed > 900 {
			t.Error("there is no place after a connection has ended")
		}
	})
}

// isReset reports whether the other side has ended a connection with octets on
// their way.
func isReset(err error) bool {
	return strings.Contains(err.Error(), "reset") || strings.Contains(err.Error(), "broken pipe")
}

// TestNoBodyLimit: pool.NoLimit takes bodies of any length, in a piece and in chunks;
// other negative values are refused.
func TestNoBodyLimit(t *testing.T) {
	if err := (httpd.Limits{MaxBodySize: pool.NoLimit}).Validate(); err != nil {
		t.Error(err)
	}
	for _, n := range []int{pool.NoLimit - 1, math.MinInt} {
		if err := (httpd.Limits{MaxBodySize: n}).Validate(); !errors.Is(err, httpd.ErrConfig) {
			t.Errorf("MaxBodySize %d: %v", n, err)
		}
	}
	everyKind(t, func(t *testing.T, k kind) {
		s := start(t, k.with(func(s *httpd.Server) { s.Limits.MaxBodySize = pool.NoLimit }), probePool)
		c := dialed(t, s.Addrs()[0])
		const n = 2 << 20 // in a temporary file
		body := strings.Repeat("a", n)
		for name, request := range map[string]string{
			"length": fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s", n, body),
			"chunks": chunked("") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", n, body),
		} {
			go c.push(request)
			resp, err := c.read("POST")
			if err != nil || resp.StatusCode != 200 {
				t.Errorf("%s: %+v %v", name, resp, err)
			}
		}
		// One beyond the default is asked for.
		c.push(fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", httpd.DefaultMaxBodySize+1))
		if line, err := c.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
			t.Errorf("%q %v", line, err)
		}
	})
}
