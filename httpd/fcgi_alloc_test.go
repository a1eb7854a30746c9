//go:build !race

package httpd_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// TestFCGIKeptExchangeAllocatesNothing counts what this process allocates for one
// exchange with a web server on a kept connection. The web server allocates nothing.
func TestFCGIKeptExchangeAllocatesNothing(t *testing.T) {
	hello := func(ctx *fasthttp.RequestCtx) {
		ctx.SetContentType("text/plain") // the default has a charset
		ctx.SetBodyString("hello\n")
	}
	emulated := overFCGI(kind{"emulate c=1", func(t *testing.T, s *httpd.Server) { s.Handler = httpd.Fast(hello) }, true})
	for _, k := range []kind{
		emulated,
		overFCGI(kinds[2]), // fork request
		watched(t, kind{"emulate with access log, ids and slow requests", emulated.make, true}),
	} {
		t.Run(k.name, func(t *testing.T) {
			s := start(t, k, pool.Config{MaxRequests: pool.NoLimit})
			w := dialFCGI(t, s.url)
			body := []byte("what is posted")
			request := octetsOf(1, fcgi.RoleResponder, fcgi.FlagKeepConn, params("POST", "/hello", len(body)), body)
			end := fcgi.AppendEnd(nil, 1, fcgi.EndRequest{})
			answer := make([]byte, 4096)
			ask := func(n int) {
				for range n {
					w.write(request)
					for have := 0; ; {
						m, err := w.conn.Read(answer[have:])
						if err != nil {
							t.Fatal(err)
						}
						if have += m; bytes.HasSuffix(answer[:have], end) {
							break
						}
					}
				}
			}
			ask(1000)
			least := 1.0 // see TestKeptRequestAllocatesNothing
			for range 5 {
				const n = 2000
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				ask(n)
				runtime.ReadMemStats(&after)
				least = min(least, float64(after.Mallocs-before.Mallocs)/n)
			}
			if least >= 0.02 {
				t.Errorf("%.3f allocations per kept exchange", least)
			}
		})
	}
}
