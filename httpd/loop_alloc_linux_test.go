//go:build !race

package httpd

import (
	"bytes"
	"net"
	"runtime"
	"testing"

	"github.com/valyala/fasthttp"
)

// TestLoopAllocatesNothing counts what this process allocates for one request on a
// kept connection of a loop's. The client allocates nothing.
func TestLoopAllocatesNothing(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // as in a child that has a loop
	s := newStage(t, frontConfig{}, func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("hello\n") }, nil).looped()
	l := stageListener(t)
	s.serves(l)
	conn, err := net.Dial("tcp", l.Addr().String())
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
			for have := 0; !bytes.HasSuffix(answer[:have], []byte("\nhello\n")); {
				m, err := conn.Read(answer[have:])
				if err != nil {
					t.Fatal(err)
				}
				have += m
			}
		}
	}
	ask(200)
	least := 1.0
	for range 4 {
		const n = 200
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ask(n)
		runtime.ReadMemStats(&after)
		least = min(least, float64(after.Mallocs-before.Mallocs)/n)
	}
	if least >= 0.02 {
		t.Errorf("%.3f allocations per kept request", least)
	}
}
