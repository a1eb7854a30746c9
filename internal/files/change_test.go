package files

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// Files that are replaced by rename all the time are served whole, with the
// length and the tag of the version that is served.
func TestReplacedFileIsServedInOneVersion(t *testing.T) {
	trees(t, func(t *testing.T, open func(Config) *Files) {
		s := newSite(t)
		versions := [][2]int{{1000, 'a'}, {2000, 'b'}, {130_000, 'c'}, {250_000, 'd'}, {2000, 'e'}}
		text := func(i int) string { return strings.Repeat(string(rune(versions[i][1])), versions[i][0]) }
		s.write("page.txt", text(0))
		f := open(Config{Root: s.root})
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if os.WriteFile(s.path("next"), []byte(text(i%len(versions))), 0o644) != nil ||
					os.Rename(s.path("next"), s.path("page.txt")) != nil {
					t.Error("cannot replace the file")
					return
				}
			}
		})
		tags := map[string]string{}
		for n := range 500 {
			var ctx fasthttp.RequestCtx
			ctx.Request.SetRequestURI("/page.txt")
			if n%3 == 0 {
				ctx.Request.Header.Set("Accept-Encoding", "gzip")
			}
			f.Serve(&ctx)
			if ctx.Response.StatusCode() == 503 { // it was another one each time that it was looked at
				continue
			}
			var raw bytes.Buffer
			w := bufio.NewWriter(&raw)
			must(t, ctx.Response.Write(w))
			must(t, w.Flush())
			a, err := readAnswer(bufio.NewReader(&raw), "GET")
			must(t, err)
			if a.status != 200 {
				t.Fatalf("status %d", a.status)
			}
			body := decode(t, a.get("Content-Encoding"), a.body)
			known := false
			for i := range versions {
				known = known || body == text(i)
			}
			if !known {
				t.Fatalf("a mixture of %d octets", len(body))
			}
			tag := a.get("ETag")
			if size, ok := tags[tag]; ok && size != a.get("Content-Length") && !strings.HasPrefix(tag, "W/") {
				t.Fatalf("%s: %s and %s octets", tag, size, a.get("Content-Length"))
			}
			tags[tag] = a.get("Content-Length")
		}
		close(stop)
		wg.Wait()
		must(t, f.Close())
	})
}

// A changed file is served from the next request on.
func TestChangeIsSeenAtOnce(t *testing.T) {
	trees(t, func(t *testing.T, open func(Config) *Files) {
		s := newSite(t)
		c := dial(t, open(Config{Root: s.root}))
		for i := range 50 {
			want := strings.Repeat("x", i+1)
			must(t, os.WriteFile(s.path("a.txt"), []byte(want), 0o644))
			for range 2 {
				if a := c.get("/a.txt"); a.body != want {
					t.Fatalf("%q, want %q", a.body, want)
				}
			}
		}
		must(t, os.Remove(s.path("a.txt")))
		c.get("/a.txt").want(t, 404)
	})
}

// A file that is asked for again at once is not looked at again; it is after a
// moment, and by whoever has to open it.
func TestFileIsLookedAtAfterAMoment(t *testing.T) {
	trees(t, func(t *testing.T, open func(Config) *Files) {
		s := newSite(t)
		f := open(Config{Root: s.root})
		t.Cleanup(func() { f.Close() })
		f.settle = always
		now := time.Now()
		size := func(name string, at time.Time) int64 {
			t.Helper()
			e, o, err := f.find([]byte(name+"\x00"), at)
			must(t, err)
			o.close()
			return e.info.size
		}
		for range 2 { // the second time it is found the same
			size("a.txt", now)
		}
		s.write("a.txt", "changed")
		if n := size("a.txt", now.Add(trust-1)); n != 10 {
			t.Errorf("looked at again at once: %d octets", n)
		}
		if n := size("a.txt", now.Add(-1)); n != 7 {
			t.Errorf("before it was looked at: %d octets", n)
		}
		for range 2 {
			size("a.txt", now)
		}
		s.write("a.txt", "changed again")
		if n := size("a.txt", now.Add(trust)); n != 13 {
			t.Errorf("not looked at after a moment: %d octets", n)
		}

		// What is not in memory is never taken for what it was.
		f.trust = time.Hour
		get := func() int {
			var ctx fasthttp.RequestCtx
			ctx.Request.SetRequestURI("/big.bin")
			f.Serve(&ctx)
			defer ctx.Response.CloseBodyStream()
			if ctx.Response.StatusCode() != 200 {
				t.Fatalf("status %d", ctx.Response.StatusCode())
			}
			return ctx.Response.Header.ContentLength()
		}
		for range 2 {
			get()
		}
		s.write("big.bin", pattern(200_000))
		if n := get(); n != 200_000 {
			t.Errorf("%d octets of a file that has changed", n)
		}
	})
}

func TestShrinkingFileCutsTheAnswer(t *testing.T) {
	s := newSite(t)
	for _, field := range []string{"X: y", "Range: bytes=10-", "Range: bytes=0-9,100-250000"} {
		s.write("big.bin", pattern(300_000))
		f, err := New(Config{Root: s.root})
		must(t, err)
		l, err := net.Listen("unix", s.dir+"/shrink")
		must(t, err)
		server := &fasthttp.Server{Logger: silent{}, Handler: func(ctx *fasthttp.RequestCtx) {
			f.Serve(ctx)
			must(t, os.Truncate(s.path("big.bin"), 100_000)) // opened, nothing sent
		}}
		done := make(chan error, 1)
		go func() { done <- server.Serve(l) }()
		conn, err := net.Dial("unix", s.dir+"/shrink")
		must(t, err)
		_, err = io.WriteString(conn, "GET /big.bin HTTP/1.1\r\nHost: x\r\n"+field+"\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
		must(t, err)
		raw, err := io.ReadAll(conn) // to the end: the connection is closed
		must(t, err)
		conn.Close()
		if strings.Contains(string(raw), "0123456789") {
			t.Errorf("%s: another answer follows", field)
		}
		if _, err := readAnswer(bufio.NewReader(bytes.NewReader(raw)), "GET"); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", field, err)
		}
		must(t, server.Shutdown())
		must(t, <-done)
		must(t, f.Close())
	}
}

func TestGrowingFileIsSentAsPromised(t *testing.T) {
	s := newSite(t)
	f, err := New(Config{Root: s.root})
	must(t, err)
	t.Cleanup(func() { f.Close() })
	var ctx fasthttp.RequestCtx
	ctx.Request.SetRequestURI("/big.bin")
	f.Serve(&ctx)
	s.write("big.bin", pattern(400_000))
	body := ctx.Response.BodyStream().(*Body)
	if file, offset, length := body.Section(); file == nil || offset != 0 || length != 300_000 {
		t.Error(offset, length)
	}
	got, err := io.ReadAll(struct{ io.Reader }{body})
	if err != nil || string(got) != pattern(300_000) {
		t.Error(len(got), err)
	}
	if _, offset, length := body.Section(); offset != 300_000 || length != 0 {
		t.Error(offset, length)
	}
	must(t, ctx.Response.CloseBodyStream())
}
