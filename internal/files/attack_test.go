package files

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// trees calls test with the system's tree and with the portable one.
func trees(t *testing.T, test func(t *testing.T, open func(Config) *Files)) {
	t.Run("system", func(t *testing.T) {
		test(t, func(c Config) *Files {
			f, err := New(c)
			must(t, err)
			if _, ok := f.tree.(*rootTree); ok && runtime.GOOS == "linux" {
				t.Log("openat2 is not to be had here")
			}
			return f
		})
	})
	t.Run("portable", func(t *testing.T) {
		test(t, func(c Config) *Files {
			root, err := newRootTree(c.Root, c.Symlinks)
			must(t, err)
			return newFiles(c, root)
		})
	})
}

func link(t testing.TB, s *site, to, name string) {
	t.Helper()
	must(t, os.Symlink(to, s.path(name)))
}

var attacks = []string{
	"/../outside.txt", "/..", "/../", "/sub/../../outside.txt", "/sub/../a.txt", "/./a.txt", "/sub/.", "/sub/..",
	"/%2e%2e/outside.txt", "/%2e%2e%2foutside.txt", "/.%2e/outside.txt", "/%2E./outside.txt", "/%2e/a.txt",
	"/sub/%2e%2e/%2e%2e/outside.txt", "/..%2foutside.txt", "/..%5coutside.txt", `/..\outside.txt`, `/\..\outside.txt`,
	"/%5c..%5coutside.txt", "/..%c0%afoutside.txt", "/%c0%ae%c0%ae/outside.txt", "/..%e0%80%afoutside.txt",
	"/%uff0e%uff0e/outside.txt", "/..%252foutside.txt", "/%252e%252e/outside.txt", "/..;/outside.txt", "/..%00/outside.txt",
	"/a.txt%00", "/a.txt%00.html", "/.%00/", "/%00", "/a.txt%0a", "/a.txt%0d%0aX:%20y", "/a.txt%7f", "/sub%2fb.txt",
	"//etc/passwd", "///etc/passwd", "/sub//b.txt", "//", "/sub//", "/%2fetc/passwd", "/etc/passwd", "/a.txt/", "/a.txt/.",
	"/a.txt/x", "/.secret", "/%2esecret", "/.git/config", "/.well-known/.hidden", "/sub/.well-known/x", "/...", "/sub/...",
	"/a.txt.", "/a.txt%20", "/a.txt::$DATA", "/C:/windows/win.ini", "/%ff%fe", "/file:%2f%2f%2fetc/passwd",
	"/out.txt", "/out/outside.txt", "/absolute.txt", "/chain1", "/loop", "/up/outside.txt", "/magic/outside.txt",
	"/fifo", "/socket",
	"/" + strings.Repeat("a", 5000), "/" + strings.Repeat("a/", 2500), "/" + strings.Repeat("%61", 4000),
	"/" + strings.Repeat("a", 300), "/%", "/%4", "/%zz", "/a%", "/a.txt#x", "*", "a.txt", "http:///a.txt", "ftp://x/a.txt",
}

func TestAttacksAreAnswered4xx(t *testing.T) {
	trees(t, func(t *testing.T, open func(Config) *Files) {
		s := newSite(t)
		link(t, s, "../outside.txt", "out.txt")
		link(t, s, "..", "out")
		link(t, s, s.path("a.txt"), "absolute.txt")
		link(t, s, "chain2", "chain1")
		link(t, s, "sub/chain3", "chain2")
		link(t, s, "../../outside.txt", "sub/chain3")
		link(t, s, "loop", "loop")
		link(t, s, "sub/../..", "up")
		link(t, s, "/proc/self/cwd", "magic")
		makeFIFO(t, s.path("fifo"))
		l, err := net.Listen("unix", s.path("socket"))
		must(t, err)
		t.Cleanup(func() { l.Close() })

		c := dial(t, open(Config{Root: s.root}))
		for range 2 {
			for _, target := range attacks {
				for _, field := range []string{"X: y", "Accept-Encoding: br, gzip", "Range: bytes=0-3"} {
					a := c.get(target, field)
					if a.status != 400 && a.status != 403 && a.status != 404 && a.status != 414 {
						t.Errorf("%.60q: %d %v", target, a.status, a.fields)
					}
					if strings.Contains(a.body, secret) {
						t.Errorf("%.60q tells the secret", target)
					}
				}
			}
		}
	})
}

func TestMalformedTargetsAre400RFC9112Section32(t *testing.T) {
	c := newSite(t).serve(nil)
	for _, target := range []string{"/%", "/%4", "/%zz", "/x%4", "/.git/%", "/a.txt#x", "*", "a.txt", "http://", "http:///a.txt", "ftp://x/a.txt"} {
		c.get(target).want(t, 400)
	}
	for _, target := range []string{"http://x/a.txt", "HTTPS://x/a.txt?q", "http://[::1]:80/a.txt", "/%61.t%78t", "/a.txt?../..", "/a.txt?%"} {
		c.get(target).want(t, 200)
	}
	for _, target := range []string{"http://x", "http://x?q=/"} {
		c.get(target).want(t, 200, "Content-Type: text/html; charset=utf-8")
	}
}

func TestDotfiles(t *testing.T) {
	s := newSite(t)
	c := s.serve(nil)
	c.get("/.well-known/security.txt").want(t, 200) // RFC 8615
	c.get("/.well-known").want(t, 301, "Location: /.well-known/")
	c = s.serve(func(c *Config) { c.Dotfiles = true })
	c.get("/.secret").want(t, 200)
	c.get("/.git/config").want(t, 200)
	c.get("/.well-known/.hidden").want(t, 200)
	for _, target := range []string{"/.", "/..", "/../outside.txt", "/%2e%2e/outside.txt", "/sub/../a.txt"} {
		c.get(target).want(t, 404)
	}
}

func TestSymlinksByPolicy(t *testing.T) {
	trees(t, func(t *testing.T, open func(Config) *Files) {
		s := newSite(t)
		link(t, s, "a.txt", "inside.txt")
		link(t, s, "sub", "dir")
		link(t, s, "../a.txt", "sub/up.txt")
		c := dial(t, open(Config{Root: s.root}))
		never := dial(t, open(Config{Root: s.root, Symlinks: Never}))
		for range 2 {
			for _, target := range []string{"/inside.txt", "/dir/b.txt", "/sub/up.txt", "/dir/"} {
				c.get(target).want(t, 200)
				never.get(target).want(t, 404)
			}
			never.get("/sub/b.txt").want(t, 200)
			never.get("/").want(t, 200)
		}
	})
}

// What is remembered is not served once its path leads elsewhere.
func TestRememberedFileThatBecameALinkIsNotServed(t *testing.T) {
	trees(t, func(t *testing.T, open func(Config) *Files) {
		s := newSite(t)
		c := dial(t, open(Config{Root: s.root}))
		for _, name := range []string{"a.txt", "big.bin"} {
			c.get("/"+name).want(t, 200)
			must(t, os.Remove(s.path(name)))
			c.get("/"+name).want(t, 404)
			link(t, s, "../outside.txt", name)
			c.get("/"+name).want(t, 404)
		}
	})
}

// A directory that moved out of the root, with a link left in its place, still
// leads to the same files, and no longer serves them.
func TestMovedDirectoryIsNoLongerServed(t *testing.T) {
	trees(t, func(t *testing.T, open func(Config) *Files) {
		s := newSite(t)
		f := open(Config{Root: s.root})
		t.Cleanup(func() { f.Close() })
		f.settle = always
		s.write("sub/big.bin", pattern(300_000))
		now := time.Now()
		find := func(name string, at time.Time) error {
			_, o, err := f.find([]byte(name+"\x00"), at)
			o.close()
			return err
		}
		for _, name := range []string{"sub/b.txt", "sub/big.bin"} {
			must(t, find(name, now))
			must(t, find(name, now.Add(believe))) // found again on the whole way
			must(t, find(name, now))
		}
		must(t, os.Rename(s.path("sub"), filepath.Join(s.dir, "moved")))
		link(t, s, "../moved", "sub")
		for _, name := range []string{"sub/b.txt", "sub/big.bin"} {
			if err := find(name, now.Add(2*believe)); err == nil {
				t.Errorf("%s is served from outside", name)
			}
		}
	})
}

// A link that is exchanged all the time, between what is inside and what is outside, never
// gives what is outside.
func TestExchangedLinkNeverEscapes(t *testing.T) {
	trees(t, func(t *testing.T, open func(Config) *Files) {
		s := newSite(t)
		must(t, os.MkdirAll(filepath.Join(s.dir, "away"), 0o755))
		must(t, os.WriteFile(filepath.Join(s.dir, "away", "b.txt"), []byte(secret), 0o644))
		s.write("real/b.txt", "below")
		link(t, s, "real", "swap")
		f := open(Config{Root: s.root})
		t.Cleanup(func() { f.Close() })
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				to := []string{"real", "../away", "sub/../../away", s.dir + "/away"}[i%4]
				next := s.path("next")
				if os.Symlink(to, next) != nil || os.Rename(next, s.path("swap")) != nil {
					t.Error("cannot exchange the link")
					return
				}
			}
		})
		seen := map[int]int{}
		for range 3000 {
			var ctx fasthttp.RequestCtx
			ctx.Request.SetRequestURI("/swap/b.txt")
			f.Serve(&ctx)
			seen[ctx.Response.StatusCode()]++
			body := string(ctx.Response.Body())
			if strings.Contains(body, secret) {
				t.Fatal("escaped")
			}
			if ctx.Response.StatusCode() == 200 && body != "below" {
				t.Fatalf("%q", body)
			}
		}
		close(stop)
		wg.Wait()
		for status := range seen {
			if status != 200 && status != 404 && status != 503 {
				t.Errorf("statuses %v", seen)
			}
		}
	})
}
