package httpd_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"github.com/bident/bident/pool"
)

// TestHead: HEAD has the header fields of GET, and no body.
func TestHead(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		c := newClient(t, s.url)
		for _, path := range []string{"/state", "/echo", "/sleep?ms=0", "/stream", "/nowhere", "/done"} {
			heads := make(map[string]http.Header)
			for _, method := range []string{"GET", "HEAD", "GET"} {
				c.send(t, method+" "+path+" HTTP/1.1\r\nHost: test\r\n\r\n")
				resp := c.receive(t, method)
				body, err := io.ReadAll(resp.Body)
				if err != nil || method == "HEAD" && len(body) > 0 {
					t.Errorf("%s %s: %q %v", method, path, body, err)
				}
				h := resp.Header
				h.Del("Date")
				h.Set("status", resp.Status)
				h.Set("length", fmt.Sprint(resp.ContentLength, resp.TransferEncoding))
				heads[method] = h
				if resp.Close {
					if k.moves {
						t.Errorf("%s %s: the connection is closed", method, path)
					}
					c.close()
				}
			}
			if get, head := fmt.Sprint(heads["GET"]), fmt.Sprint(heads["HEAD"]); get != head && path != "/state" {
				t.Errorf("%s:\nGET  %s\nHEAD %s", path, get, head)
			}
		}
	})
}

// TestHTTP10: a client of the older protocol gets one answer and the end, or
// keeps the connection if it asks to.
func TestHTTP10(t *testing.T) {
	everyKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		c := newClient(t, s.url)
		c.send(t, "GET /pid HTTP/1.0\r\n\r\n")
		resp := c.receive(t, "GET")
		if text, err := io.ReadAll(resp.Body); err != nil || !bytes.HasPrefix(text, []byte("pid=")) || !resp.Close {
			t.Errorf("%+v %q %v", resp, text, err)
		}
		if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
			t.Errorf("after the answer: %q %v", rest, err)
		}
		c.close()
		for range 2 {
			c.send(t, "GET /pid HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
			resp := c.receive(t, "GET")
			text, err := io.ReadAll(resp.Body)
			if err != nil || !bytes.HasPrefix(text, []byte("pid=")) || resp.Close != (resp.ContentLength < 0) {
				t.Errorf("%+v %q %v", resp, text, err)
			}
			if resp.Close { // a program that does not say the length
				c.close()
			}
		}
	})
}

// TestPipelining: answers come in the order of the requests, whatever is between.
func TestPipelining(t *testing.T) {
	everyKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxRequests: 17})
		const requests = 100
		c := newClient(t, s.url)
		empty := 0 // closings without an answer, in a row
		for next := 0; next < requests; {
			var out bytes.Buffer
			for i := next; i < requests; i++ {
				body := fmt.Sprintf("request %d", i)
				fmt.Fprintf(&out, "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			}
			c.send(t, out.String())
			begun := next
			for ; next < requests; next++ {
				if _, err := c.r.Peek(1); err != nil {
					break // closed where no request has begun
				}
				resp := c.receive(t, "POST")
				text, err := io.ReadAll(resp.Body)
				if want := fmt.Sprintf("request %d", next); err != nil || string(text) != want || resp.StatusCode != 200 {
					t.Fatalf("answer %d: %d %q %v", next, resp.StatusCode, text, err)
				}
			}
			if next > begun {
				empty = 0
			}
			if empty++; next < requests && (k.moves || empty > 20) {
				t.Fatalf("connection was closed after %d answers", next-begun)
			}
			c.close()
		}
	})
}

// TestBodies: a request's body reaches the handler octet for octet, and its
// answer the client, whatever its size and framing.
func TestBodies(t *testing.T) {
	sideBySide(t, frontKinds(), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		all := make([]byte, 10<<20)
		source := rand.NewChaCha8([32]byte{7})
		_, _ = source.Read(all)
		for _, framing := range []string{"length", "chunked"} {
			for _, size := range []int{0, 1, 8191, 8192, 65535, 65536, len(all)} {
				c := newClient(t, s.url)
				body := all[:size]
				if framing == "chunked" {
					body = body[:min(size, 2<<20)] // in a file already, and nothing is different beyond
				}
				var out bytes.Buffer
				if framing == "length" {
					fmt.Fprintf(&out, "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n", size)
					out.Write(body)
				} else {
					out.WriteString("POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
					for rest := body; len(rest) > 0; {
						n := min(len(rest), 1+rand.IntN(100_000))
						fmt.Fprintf(&out, "%x\r\n%s\r\n", n, rest[:n])
						rest = rest[n:]
					}
					out.WriteString("0\r\n\r\n")
				}
				c.send(t, out.String()+"GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
				resp := c.receive(t, "POST")
				text, err := io.ReadAll(resp.Body)
				if err != nil || !bytes.Equal(text, body) {
					t.Fatalf("%s %d: %d octets %v", framing, size, len(text), err)
				}
				resp = c.receive(t, "GET")
				if text, err := io.ReadAll(resp.Body); err != nil || !bytes.HasPrefix(text, []byte("pid=")) {
					t.Fatalf("%s %d: next answer %q %v", framing, size, text, err)
				}
				c.close()
			}
		}
	})
}

// TestCrowd: many connections at once, each kept.
func TestCrowd(t *testing.T) {
	sideBySide(t, append(frontKinds(), upstreamKind), func(t *testing.T, k kind) {
		const crowd, requests = 500, 2
		s := start(t, k, pool.Config{MaxRequests: pool.NoLimit})
		var clients []*client
		for range crowd {
			c := newClient(t, s.url)
			if err := c.dial(); err != nil {
				t.Fatal(err)
			}
			clients = append(clients, c)
		}
		var wg sync.WaitGroup
		for _, c := range clients {
			wg.Go(func() {
				for range requests {
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
		st, err := s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Totals.Requests != crowd*requests || st.Totals.Shed != 0 {
			t.Errorf("%d requests were made, totals are %+v", crowd*requests, st.Totals)
		}
	})
}

// TestLongConnection: one connection carries a thousand requests through many lives of
// workers.
func TestLongConnection(t *testing.T) {
	sideBySide(t, usualKinds(), func(t *testing.T, k kind) {
		const requests = 1000
		s := start(t, k, pool.Config{MaxRequests: 200})
		c := newClient(t, s.url)
		for range requests {
			c.pid(t)
		}
		if k.moves && c.closed > 0 {
			t.Errorf("the connection was closed %d times", c.closed)
		}
		st, err := s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Totals.Requests != requests {
			t.Errorf("%d requests were made, %d are counted", requests, st.Totals.Requests)
		}
	})
}
