package httpd

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/pool"
)

// script is a connection whose client asks the same a number of times, and takes
// every answer: no system call is made for it.
type script struct {
	request []byte
	left    int
}

var scriptAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711}

func (c *script) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	c.left--
	return copy(p, c.request), nil
}
func (c *script) Write(p []byte) (int, error)      { return len(p), nil }
func (c *script) Close() error                     { return nil }
func (c *script) LocalAddr() net.Addr              { return scriptAddr }
func (c *script) RemoteAddr() net.Addr             { return scriptAddr }
func (c *script) SetDeadline(time.Time) error      { return nil }
func (c *script) SetReadDeadline(time.Time) error  { return nil }
func (c *script) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkFront is what a request costs on its way from the connection to a lane
// and back, without the system calls of the connection, beside fasthttp alone. An
// iteration is a connection of 3000 requests; least/request is from the fastest one,
// which the rest of the machine has disturbed least. Best with -cpu 1.
func BenchmarkFront(b *testing.B) {
	hello := func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("hello\n") }
	root := b.TempDir()
	if err := os.WriteFile(filepath.Join(root, "1K.bin"), make([]byte, 1<<10), 0o644); err != nil {
		b.Fatal(err)
	}
	for _, x := range []struct {
		name    string
		handler Handler
		log     string
	}{
		{"hello", Fast(hello), ""},
		{"log", Fast(hello), os.DevNull},
		{"file", &Files{Root: root}, ""},
	} {
		b.Run(x.name, func(b *testing.B) {
			s := &Server{
				Listen: []string{"http://127.0.0.1:0"}, Handler: x.handler, AccessLog: x.log,
				Pool: pool.Config{MaxRequests: pool.NoLimit}, Log: slog.New(slog.DiscardHandler),
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			b.Cleanup(func() {
				cancel()
				<-done
			})
			select {
			case <-s.Ready():
			case err := <-done:
				done <- err
				b.Fatal(err)
			}
			r, err := s.instance()
			if err != nil {
				b.Fatal(err)
			}
			measure(b, func(c *script) {
				r.front.handed.Add(1)
				r.front.serve(&carrier{}, arrival{conn: c})
			})
		})
	}
	b.Run("fasthttp", func(b *testing.B) {
		s := &fasthttp.Server{Handler: hello}
		measure(b, func(c *script) { _ = s.ServeConn(c) })
	})
}

func measure(b *testing.B, serve func(*script)) {
	const n = 3000
	request := []byte("GET /1K.bin HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")
	least := time.Hour
	for b.Loop() {
		began := time.Now()
		serve(&script{request, n})
		least = min(least, time.Since(began))
	}
	b.ReportMetric(float64(least.Nanoseconds())/n, "least/request")
}
