package files

import (
	"bufio"
	"io"
	"testing"

	"github.com/valyala/fasthttp"
)

// BenchmarkServe writes whole answers, to nobody.
func BenchmarkServe(b *testing.B) {
	s := newSite(b)
	s.write("1k.bin", pattern(1<<10))
	s.write("16k.bin", pattern(16<<10))
	s.write("64k.bin", pattern(64<<10))
	s.write("100k.bin", pattern(100<<10))
	for _, x := range []struct{ name, target, field, value string }{
		{"1KiB", "/1k.bin", "X", "y"}, {"16KiB", "/16k.bin", "X", "y"}, {"64KiB", "/64k.bin", "X", "y"}, {"100KiB", "/100k.bin", "X", "y"},
		{"compressed", "/style.css", "Accept-Encoding", "gzip, deflate, br, zstd"},
		{"304", "/1k.bin", "If-Modified-Since", exactly}, {"404", "/none", "X", "y"},
	} {
		for _, cached := range []bool{true, false} {
			name := x.name
			c := Config{Root: s.root}
			if !cached {
				name += "/opened"
				c.CacheSize = -1
			}
			f, err := New(c)
			must(b, err)
			f.settle = always
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(p *testing.PB) {
					var ctx fasthttp.RequestCtx
					ctx.Request.SetRequestURI(x.target)
					ctx.Request.Header.Set(x.field, x.value)
					w := bufio.NewWriterSize(io.Discard, 4096)
					for p.Next() {
						ctx.Response.Reset()
						f.Serve(&ctx)
						if err := ctx.Response.Write(w); err != nil {
							b.Fatal(err)
						}
					}
				})
			})
			must(b, f.Close())
		}
	}
}
