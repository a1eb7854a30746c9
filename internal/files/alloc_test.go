//go:build !race

package files

import (
	"testing"

	"github.com/valyala/fasthttp"
)

// TestAllocationsOfServe: what is remembered is served without an allocation; a
// file that is opened costs the Body, and the three parts of an *os.File.
func TestAllocationsOfServe(t *testing.T) {
	s := newSite(t)
	f, err := New(Config{Root: s.root, CacheControl: "max-age=1"})
	must(t, err)
	f.settle = always
	t.Cleanup(func() { f.Close() })
	if _, ok := f.tree.(*rootTree); ok {
		t.Log("without openat2 each stat allocates: not counted")
		return
	}
	tag := func(target string) string {
		var ctx fasthttp.RequestCtx
		ctx.Request.SetRequestURI(target)
		f.Serve(&ctx)
		defer ctx.Response.CloseBodyStream()
		return string(ctx.Response.Header.Peek("ETag"))
	}
	for _, x := range []struct {
		what, target string
		field, value string
		limit        float64
	}{
		{"small", "/a.txt", "X", "y", 0},
		{"index", "/", "X", "y", 0},
		{"accepting codings", "/a.txt", "Accept-Encoding", "gzip, deflate, br, zstd", 0},
		{"compressed", "/style.css", "Accept-Encoding", "gzip, deflate, br, zstd", 0},
		{"range", "/a.txt", "Range", "bytes=1-3", 0},
		{"not modified", "/a.txt", "If-None-Match", tag("/a.txt"), 0},
		{"not modified since", "/a.txt", "If-Modified-Since", exactly, 0},
		{"large, not modified", "/big.bin", "If-None-Match", tag("/big.bin"), 0},
		{"large", "/big.bin", "X", "y", 5},
		{"refused", "/../x", "X", "y", 0},
	} {
		var ctx fasthttp.RequestCtx
		ctx.Request.SetRequestURI(x.target)
		ctx.Request.Header.Set(x.field, x.value)
		got := testing.AllocsPerRun(500, func() {
			ctx.Response.Reset()
			f.Serve(&ctx)
			if err := ctx.Response.CloseBodyStream(); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: %v allocations", x.what, got)
		if got > x.limit {
			t.Errorf("%s: %v allocations, at most %v", x.what, got, x.limit)
		}
	}
}
