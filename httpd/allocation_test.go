//go:build !race

package httpd_test

import (
	"bytes"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
	"github.com/valyala/fasthttp"
)

// The race detector makes sync.Pool drop what it holds, so the gate is left out
// of race builds.

// TestKeptRequestAllocatesNothing counts what this process allocates, the front
// and the lanes of every kind in it, for one request on a kept connection. The
// client allocates nothing. An exchange's child is another process; its side is
// gated in package fcgi.
func TestKeptRequestAllocatesNothing(t *testing.T) {
	hello := func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("hello\n") }
	root := site(t, map[string]string{"hello": "hello\n", "sub/hello*": "", "run.pl": "", "index.pl": ""})
	scripts := func(name string, h httpd.Scripts) kind {
		return kind{name, func(t *testing.T, s *httpd.Server) {
			h.Handler = scriptedProgram(t)
			s.Handler, s.Env = &h, []string{scriptedVariable + "=1", helloVariable + "=1"}
		}, true}
	}
	for _, k := range []kind{
		{"emulate c=1", func(t *testing.T, s *httpd.Server) { s.Handler = httpd.Fast(hello) }, true},
		{"program", func(t *testing.T, s *httpd.Server) {
			s.Handler, s.Env = scriptedProgram(t), []string{scriptedVariable + "=1", helloVariable + "=1"}
		}, true},
		scripts("script", httpd.Scripts{Root: root + "/sub"}),
		scripts("program beside files", httpd.Scripts{Root: site(t, map[string]string{"x.css": ""}), Match: "^/he"}),
		scripts("fallback", httpd.Scripts{Root: root, Match: `\.pl$`, Fallback: "/run.pl"}),
		scripts("file", httpd.Scripts{Root: root}),
		{"emulate c=4", func(t *testing.T, s *httpd.Server) {
			s.Handler, s.Pool.Concurrency = httpd.Fast(hello), 4
		}, true},
		kinds[2], // fork request
		watched(t, kind{"emulate with access log, ids and slow requests", func(t *testing.T, s *httpd.Server) {
			s.Handler = httpd.Fast(hello)
		}, true}),
		watched(t, kind{"fork request with access log, ids and slow requests", kinds[2].make, true}),
	} {
		t.Run(k.name, func(t *testing.T) {
			s := start(t, k, pool.Config{MaxRequests: pool.NoLimit})
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			request := []byte("GET /hello HTTP/1.1\r\nHost: test\r\n\r\n")
			answer := make([]byte, 4096)
			ask := func(n int) {
				for range n {
					if _, err := conn.Write(request); err != nil {
						t.Fatal(err)
					}
					for have := 0; ; {
						m, err := conn.Read(answer[have:])
						if err != nil {
							t.Fatal(err)
						}
						have += m
						if bytes.HasSuffix(answer[:have], []byte("\n")) && bytes.Contains(answer[:have], []byte("\r\n\r\n")) {
							break
						}
					}
				}
			}
			ask(1000)
			// The least of several rounds: what the runtime and the rest of
			// the process allocate now and then is not ours.
			least := 1.0
			for range 5 {
				const n = 2000
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				ask(n)
				runtime.ReadMemStats(&after)
				least = min(least, float64(after.Mallocs-before.Mallocs)/n)
			}
			if least >= 0.02 {
				t.Errorf("%.3f allocations per kept request", least)
			}
		})
	}
}

// watched is a kind with everything that looks at each request.
func watched(t *testing.T, k kind) kind {
	path := filepath.Join(t.TempDir(), "access.log")
	return k.with(func(s *httpd.Server) {
		s.AccessLog, s.AccessLogFormat = path, "combined"
		s.RequestIDs, s.SlowRequest = true, time.Minute
	})
}
