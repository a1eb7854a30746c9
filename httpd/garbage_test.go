package httpd_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// garbage is what nobody should send.
func garbage(r *rand.Rand) []byte {
	pieces := []string{
		"GET ", "POST ", "/pid", "/echo", " HTTP/1.1", " HTTP/1.0", "\r\n", "\n", "\r\n\r\n", "Host: x", ": ",
		"Content-Length: 5", "Content-Length: -1", "Content-Length: 99999999999999999999", "Transfer-Encoding: chunked",
		"Transfer-Encoding: , chunked", "5\r\nhello\r\n", "0\r\n\r\n", "ffffffffffffffff\r\n", "Expect: 100-continue",
		"Connection: upgrade", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\x00", "\x01\x01\x00\x01\x00\x08\x00\x00",
		"\x00", "%00", "//..//", strings.Repeat("x", 10_000),
	}
	var b []byte
	for range 1 + r.IntN(20) {
		if r.IntN(4) == 0 {
			for range r.IntN(50) {
				b = append(b, byte(r.Uint32()))
			}
			continue
		}
		b = append(b, pieces[r.IntN(len(pieces))]...)
	}
	return b
}

// spit sends octets, says that there are no more, and reads until the server ends
// the connection, which it has to.
func spit(t testing.TB, url string, octets []byte) (answer []byte) {
	t.Helper()
	c := newClient(t, url)
	if err := c.dial(); err != nil {
		t.Fatal(err)
	}
	defer c.close()
	// What the server does not want to read it need not.
	_, _ = c.conn.Write(octets)
	_ = c.conn.(interface{ CloseWrite() error }).CloseWrite()
	answer, err := io.ReadAll(c.r)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatalf("the connection goes on after %.200q, answer %.200q", octets, answer)
	}
	return answer
}

// framed checks that what came from the server is whole answers and perhaps one
// that is cut, if the connection was.
func framed(t testing.TB, octets, answer []byte) {
	t.Helper()
	r := bufio.NewReader(strings.NewReader(string(answer)))
	for {
		if _, err := r.Peek(1); err == io.EOF {
			return
		}
		resp, err := http.ReadResponse(r, &http.Request{Method: "GET"})
		if err != nil {
			if !strings.Contains(string(octets), "HEAD") {
				t.Fatalf("answer to %.200q is no HTTP: %.300q %v", octets, answer, err)
			}
			return
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return
		}
	}
}

// TestGarbage: nothing that clients send harms the server.
func TestGarbage(t *testing.T) {
	everyKind(t, func(t *testing.T, k kind) {
		s := start(t, k.with(func(s *httpd.Server) { s.Admin = "http://127.0.0.1:0" }), pool.Config{})
		random := rand.New(rand.NewPCG(1, uint64(len(k.name))))
		for range 150 {
			octets := garbage(random)
			framed(t, octets, spit(t, s.url, octets))
			framed(t, octets, spit(t, s.AdminAddr(), octets))
		}
		c, admin := newClient(t, s.url), newClient(t, s.AdminAddr())
		for range 5 {
			c.pid(t)
			admin.must(t, "/healthz")
			admin.must(t, "/readyz")
		}
		s.expect(times(2, "start ready")...) // no worker was lost by it
	})
}

// TestHalfRequests: clients that leave in the middle of a request cost nothing.
func TestHalfRequests(t *testing.T) {
	everyKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		const whole = "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n0123456789"
		for n := range len(whole) {
			if answer := spit(t, s.url, []byte(whole[:n])); strings.HasPrefix(string(answer), "HTTP/1.1 200") {
				t.Errorf("half a request, %q, was answered: %q", whole[:n], answer)
			}
		}
		newClient(t, s.url).pid(t)
		s.expect(times(2, "start ready")...)
	})
}

// TestAdminErrors: what operators ask for in vain is answered as such.
func TestAdminErrors(t *testing.T) {
	everyKind(t, func(t *testing.T, k kind) {
		s := start(t, k.with(func(s *httpd.Server) { s.Admin = "http://127.0.0.1:0" }), pool.Config{})
		c := newClient(t, s.AdminAddr())
		for _, one := range []struct {
			method, path string
			status       int
		}{
			{"GET", "/nowhere", 404}, {"GET", "/ctl/reload", 405}, {"POST", "/ctl/nothing", 404},
			{"POST", "/ctl/scale", 400}, {"POST", "/ctl/scale?n=x", 400}, {"POST", "/ctl/scale?n=-5", 422},
			{"POST", "/ctl/scale?n=0", 422}, {"POST", "/ctl/scale?n=99999999", 422},
			{"POST", "/ctl/recycle", 400}, {"POST", "/ctl/recycle?slot=77", 422}, {"POST", "/ctl/recycle?slot=-1", 422},
			{"POST", "/ctl/reload", 200}, {"POST", "/ctl/scale?n=3", 200}, {"POST", "/ctl/recycle?slot=0", 200},
		} {
			status, text, err := c.do(one.method, one.path, "")
			if err != nil || status != one.status || (status == 200) == strings.Contains(text, `"error"`) {
				t.Errorf("%s %s: %d %q %v, expected %d", one.method, one.path, status, text, err, one.status)
			}
		}
	})
}

// FuzzFront: whatever octets a client sends, in whichever pieces, its connection
// ends and what it gets is HTTP.
func FuzzFront(f *testing.F) {
	s := &httpd.Server{
		Listen: []string{"http://127.0.0.1:0"}, Pool: pool.Config{MaxServers: 2, Concurrency: 2},
		Log: slog.New(slog.DiscardHandler), Limits: httpd.Limits{MaxBodySize: 1 << 20},
		Handler: httpd.Fast(func(ctx *fasthttp.RequestCtx) {
			if string(ctx.Path()) == "/stream" {
				httpd.Stream(ctx, func(w *httpd.StreamWriter) error {
					_, err := w.WriteString("piece")
					return err
				})
				return
			}
			ctx.Write(ctx.PostBody())
			ctx.Write(ctx.RequestURI())
		}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	f.Cleanup(func() {
		cancel()
		<-ended
	})
	select {
	case <-s.Ready():
	case err := <-ended:
		f.Fatal(err)
	case <-time.After(patience):
		f.Fatal("server did not get ready")
	}
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /stream HTTP/1.1\r\nHost: a\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "\x00\xff", "GET",
	} {
		f.Add([]byte(seed), uint16(7))
	}
	f.Fuzz(func(t *testing.T, octets []byte, split uint16) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.Addrs()[0], "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		at := int(split) % (len(octets) + 1)
		_, _ = conn.Write(octets[:at])
		_, _ = conn.Write(octets[at:])
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, err := io.ReadAll(conn)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatalf("the connection goes on, answer %.200q", answer)
		}
		framed(t, octets, answer)
	})
}
