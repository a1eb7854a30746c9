package files

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// decode undoes a content coding.
func decode(t testing.TB, coding, body string) string {
	t.Helper()
	var out []byte
	var err error
	switch coding {
	case "":
		return body
	case "br":
		out, err = fasthttp.AppendUnbrotliBytes(nil, []byte(body))
	case "zstd":
		out, err = fasthttp.AppendUnzstdBytes(nil, []byte(body))
	case "gzip":
		out, err = fasthttp.AppendGunzipBytes(nil, []byte(body))
	default:
		t.Fatalf("coding %q", coding)
	}
	must(t, err)
	return string(out)
}

func TestNegotiationRFC9110Section1253(t *testing.T) {
	s := newSite(t)
	c := s.serve(nil)
	css := strings.Repeat("p { color: red }\n", 400)
	for accept, coding := range map[string]string{
		"gzip": "gzip", "x-gzip": "gzip", "GZip": "gzip", "br": "br", "zstd": "zstd", "gzip, deflate, br, zstd": "br",
		"gzip;q=1.0, br;q=0.5": "gzip", "zstd;q=0.9,br;q=0.8,gzip;q=0.8": "zstd", "*": "br", "*;q=0.1": "br",
		"br;q=0, *": "zstd", "gzip;q=0": "", "": "", "deflate": "", "identity": "", "identity;q=1, gzip;q=0.5": "",
		"identity;q=0.5, gzip;q=0.5": "gzip", "gzip ; q=0.001": "gzip", "gzip;q=0.0001": "", "gzip;q=2": "", "gzip;x=1": "",
		"gzip;q=nan, zstd": "zstd", "br;q=1.001, gzip;q=0.1": "gzip", "identity;q=0, gzip": "gzip",
	} {
		for range 2 {
			a := c.get("/style.css", "Accept-Encoding: "+accept).want(t, 200, "Vary: Accept-Encoding",
				"Content-Encoding: "+coding, "Content-Type: text/css; charset=utf-8")
			if got := decode(t, a.get("Content-Encoding"), a.body); got != css {
				t.Errorf("%q: %d octets", accept, len(got))
			}
			if coded := coding != ""; coded != strings.HasPrefix(a.get("ETag"), `W/"`) || coded == (a.get("Accept-Ranges") == "bytes") {
				t.Errorf("%q: ETag %s, Accept-Ranges %s", accept, a.get("ETag"), a.get("Accept-Ranges"))
			}
		}
	}
	a := c.get("/style.css", "Accept-Encoding: br;q=0", "Accept-Encoding: gzip").want(t, 200, "Content-Encoding: gzip")
	c.get("/style.css", "Accept-Encoding: gzip", "If-None-Match: "+a.get("ETag")).want(t, 304, "ETag: "+a.get("ETag"), "Vary: Accept-Encoding")
	c.get("/style.css", "Accept-Encoding: br", "If-None-Match: "+a.get("ETag")).want(t, 200)
	c.get("/style.css", "Accept-Encoding: gzip", "If-Match: "+a.get("ETag")).want(t, 412) // weak

	for _, accept := range []string{"identity;q=0", "*;q=0", "identity;q=0, deflate"} { // section 15.5.7
		c.get("/style.css", "Accept-Encoding: "+accept).want(t, 406, "Vary: Accept-Encoding")
		c.get("/photo.png", "Accept-Encoding: "+accept).want(t, 406)
	}
	c.get("/style.css", "Accept-Encoding: *;q=0, identity").want(t, 200, "Content-Encoding:")

	// A range is one of the identity form, unless the client refuses that.
	a = c.get("/style.css", "Accept-Encoding: gzip", "Range: bytes=0-3").want(t, 206, "Content-Encoding:", "Vary: Accept-Encoding")
	if a.body != css[:4] {
		t.Errorf("%q", a.body)
	}
	c.get("/style.css", "Accept-Encoding: gzip, identity;q=0", "Range: bytes=0-3").want(t, 200, "Content-Encoding: gzip")
}

func TestWhatIsNotCompressed(t *testing.T) {
	s := newSite(t)
	s.write("small.css", strings.Repeat("a", minPacked-1))
	s.write("huge.css", strings.Repeat("a", maxPacked+1))
	s.write("largest.css", strings.Repeat("a", maxPacked))
	s.write("smallest.css", strings.Repeat("a", minPacked))
	c := s.serve(nil)
	for _, target := range []string{"/small.css", "/huge.css", "/photo.png", "/big.bin"} {
		c.get(target, "Accept-Encoding: gzip, br").want(t, 200, "Content-Encoding:", "Vary:")
	}
	for _, target := range []string{"/largest.css", "/smallest.css"} {
		c.get(target, "Accept-Encoding: gzip, br").want(t, 200, "Content-Encoding: br", "Vary: Accept-Encoding")
	}
	c = s.serve(func(c *Config) { c.NoCompress = true })
	c.get("/style.css", "Accept-Encoding: gzip, br").want(t, 200, "Content-Encoding:", "Vary:")
}

func TestPrecompressedFiles(t *testing.T) {
	s := newSite(t)
	text := strings.Repeat("var a = 1;\n", 300)
	s.write("app.js", text)
	s.write("app.js.gz", string(fasthttp.AppendGzipBytes(nil, []byte(text))))
	s.write("app.js.br", string(fasthttp.AppendBrotliBytes(nil, []byte(text))))
	s.write("photo.png.gz", string(fasthttp.AppendGzipBytes(nil, []byte(pattern(5000)))))
	s.write("large.bin", pattern(2<<20))
	s.write("large.bin.zst", string(fasthttp.AppendZstdBytes(nil, []byte(pattern(2<<20))))+strings.Repeat("\x50\x2a\x4d\x18\x00\x00\x00\x00", 20000))
	c := s.serve(nil)
	for range 2 {
		a := c.get("/app.js", "Accept-Encoding: gzip, br").want(t, 200, "Content-Encoding: br",
			"Content-Type: text/javascript; charset=utf-8", "Vary: Accept-Encoding")
		if decode(t, "br", a.body) != text || !strings.HasSuffix(a.get("ETag"), `-br"`) || a.get("ETag")[0] != '"' {
			t.Errorf("%v", a.fields)
		}
		c.get("/app.js", "Accept-Encoding: br", "If-None-Match: "+a.get("ETag")).want(t, 304)
		c.get("/app.js", "Accept-Encoding: br", "If-Match: "+a.get("ETag")).want(t, 200)
		c.get("/app.js", "Accept-Encoding: gzip", "If-None-Match: "+a.get("ETag")).want(t, 200, "Content-Encoding: gzip")
		// What lies there is free: it comes before what would have to be made.
		c.get("/app.js", "Accept-Encoding: zstd, gzip").want(t, 200, "Content-Encoding: gzip")
		c.get("/app.js", "Accept-Encoding: zstd, gzip;q=0.9").want(t, 200, "Content-Encoding: zstd")
		c.get("/app.js", "Accept-Encoding: br", "Range: bytes=0-2").want(t, 206, "Content-Encoding:")
		c.get("/app.js").want(t, 200, "Content-Encoding:", "Vary: Accept-Encoding")
		// Types that are not worth compressing are served so if somebody did.
		c.get("/photo.png", "Accept-Encoding: gzip").want(t, 200, "Content-Encoding: gzip", "Content-Type: image/png")
		c.get("/photo.png").want(t, 200, "Content-Encoding:", "Vary: Accept-Encoding")
		a = c.get("/large.bin", "Accept-Encoding: zstd").want(t, 200, "Content-Encoding: zstd")
		if decode(t, "zstd", a.body) != pattern(2<<20) {
			t.Error("large")
		}
		c.get("/app.js.gz").want(t, 200, "Content-Encoding:", "Content-Type: application/gzip", "Vary:")
	}
	// One that is older than the file is out of date, one that went is no more.
	s.touch("app.js", longAgo.Add(time.Second))
	c.get("/app.js", "Accept-Encoding: gzip").want(t, 200, "Content-Encoding: gzip").wantWeak(t)
	s.touch("app.js.gz", longAgo.Add(time.Second))
	s.touch("app.js", longAgo)
	if tag := c.get("/app.js", "Accept-Encoding: gzip").want(t, 200, "Content-Encoding: gzip").get("ETag"); tag[0] != '"' {
		t.Error(tag)
	}
	c = s.serve(func(c *Config) { c.NoPrecompressed, c.NoCompress = true, true })
	c.get("/app.js", "Accept-Encoding: gzip").want(t, 200, "Content-Encoding:", "Vary:")
}

func (a *answer) wantWeak(t testing.TB) {
	t.Helper()
	if !strings.HasPrefix(a.get("ETag"), `W/"`) {
		t.Errorf("ETag %s", a.get("ETag"))
	}
}

func TestPrecompressedLinkOutIsNotServed(t *testing.T) {
	trees(t, func(t *testing.T, open func(Config) *Files) {
		s := newSite(t)
		link(t, s, "../outside.txt", "a.txt.gz")
		c := dial(t, open(Config{Root: s.root}))
		for range 2 {
			if a := c.get("/a.txt", "Accept-Encoding: gzip").want(t, 200, "Content-Encoding:"); a.body != "0123456789" {
				t.Errorf("%q", a.body)
			}
		}
	})
}

// Many clients at once get one and the same compressed form.
func TestCompressedOnceForAll(t *testing.T) {
	s := newSite(t)
	f, err := New(Config{Root: s.root})
	must(t, err)
	t.Cleanup(func() { f.Close() })
	f.settle = always
	ask := func(accept string) []byte {
		var ctx fasthttp.RequestCtx
		ctx.Request.SetRequestURI("/style.css")
		ctx.Request.Header.Set("Accept-Encoding", accept)
		f.Serve(&ctx)
		return ctx.Response.Body()
	}
	ask("identity") // from here on there is an entry
	first := make([]*byte, 16)
	var wg sync.WaitGroup
	for i := range first {
		wg.Go(func() { first[i] = &ask("gzip")[0] })
	}
	wg.Wait()
	for _, p := range first {
		if p != first[0] {
			t.Fatal("compressed more than once")
		}
	}
}

func TestCacheStaysWithinItsBudget(t *testing.T) {
	s := newSite(t)
	const budget = 64 << 10
	for i := range 60 {
		s.write(name(i), strings.Repeat(name(i)+" ", 500))
	}
	f, err := New(Config{Root: s.root, CacheSize: budget})
	must(t, err)
	c := dial(t, f)
	for range 3 {
		for i := range 60 {
			for _, accept := range []string{"br", "gzip", "identity"} {
				a := c.get("/"+name(i), "Accept-Encoding: "+accept).want(t, 200)
				if decode(t, a.get("Content-Encoding"), a.body) != strings.Repeat(name(i)+" ", 500) {
					t.Fatal(name(i), accept)
				}
			}
			var size int64
			for p := range f.cache.places {
				if e := f.cache.places[p].Load(); e != nil {
					size += e.cost
				}
			}
			if size != f.cache.size || size > budget {
				t.Fatalf("%d octets counted, %d found, %d allowed", f.cache.size, size, budget)
			}
		}
	}
	f, err = New(Config{Root: s.root, CacheSize: -1})
	must(t, err)
	c = dial(t, f)
	for range 2 {
		c.get("/a.txt").want(t, 200, "Content-Length: 10")
		c.get("/style.css", "Accept-Encoding: gzip").want(t, 200, "Content-Encoding: gzip")
	}
}

func name(i int) string { return "f" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + ".txt" }
