//go:build !race

package nethttp

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// TestAllocations holds what a request costs beside its handler: the call, the
// string of the head, the map of the fields (two pieces) and the array of their
// values; a handler that sets a field adds the answer's map (two) and its value.
func TestAllocations(t *testing.T) {
	for _, c := range []struct {
		name    string
		raw     string
		handler http.HandlerFunc
		most    float64
	}{
		{"nothing", simple, func(http.ResponseWriter, *http.Request) {}, 5},
		{"hello", simple, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = io.WriteString(w, "hello\n")
		}, 8},
		{"body", post("/", strings.Repeat("x", 1000)), func(w http.ResponseWriter, r *http.Request) {
			var b [512]byte
			for {
				if _, err := r.Body.Read(b[:]); err != nil {
					break
				}
			}
			_, _ = w.Write(b[:1])
		}, 6},
	} {
		ctx, ex := parsed(t, c.raw), &idle{remote: "127.0.0.1:1"}
		got := testing.AllocsPerRun(1000, func() {
			ctx.Response.Reset()
			if err := Serve(c.handler, ctx, ex); err != nil {
				t.Fatal(err)
			}
		})
		if got > c.most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, got, c.most)
		}
		t.Log(c.name, got)
	}
}

func BenchmarkServe(b *testing.B) {
	ctx, ex := parsed(b, simple), &idle{remote: "127.0.0.1:1"}
	h := http.HandlerFunc(hello)
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.Reset()
		if err := Serve(h, ctx, ex); err != nil {
			b.Fatal(err)
		}
	}
}

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "hello\n")
}

// repeated is a connection whose client asks the same again and again.
type repeated struct {
	fakeConn
	left int
	raw  string
	rest string
	done chan struct{}
}

func (c *repeated) Read(p []byte) (int, error) {
	if c.rest == "" {
		if c.left == 0 {
			return 0, io.EOF
		}
		c.left--
		c.rest = c.raw
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}
func (c *repeated) Write(p []byte) (int, error)      { return len(p), nil }
func (c *repeated) Close() error                     { close(c.done); return nil }
func (c *repeated) SetDeadline(time.Time) error      { return nil }
func (c *repeated) SetReadDeadline(time.Time) error  { return nil }
func (c *repeated) SetWriteDeadline(time.Time) error { return nil }

// once is a listener with one connection.
type once struct{ conns chan net.Conn }

func (l once) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, io.EOF
	}
	return c, nil
}
func (l once) Close() error   { return nil }
func (l once) Addr() net.Addr { return fakeAddr }

// BenchmarkConnection compares connections in memory, parsing and sending
// included.
func BenchmarkConnection(b *testing.B) {
	b.Run("net/http", func(b *testing.B) {
		c := &repeated{left: b.N, raw: simple, done: make(chan struct{})}
		l := once{make(chan net.Conn, 1)}
		l.conns <- c
		close(l.conns)
		b.ReportAllocs()
		srv := &http.Server{Handler: http.HandlerFunc(hello)}
		_ = srv.Serve(l)
		<-c.done
	})
	b.Run("nethttp", func(b *testing.B) {
		c := &repeated{left: b.N, raw: simple, done: make(chan struct{})}
		ex := &idle{remote: "127.0.0.1:1"}
		h := http.HandlerFunc(hello)
		srv := &fasthttp.Server{NoDefaultServerHeader: true, Handler: func(ctx *fasthttp.RequestCtx) {
			_ = Serve(h, ctx, ex)
		}}
		b.ReportAllocs()
		_ = srv.ServeConn(c)
	})
}
