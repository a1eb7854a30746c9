package files

import (
	"os"
	"strings"
	"testing"
)

// TestLinked: files that links lead to are judged by their own path, others not at all.
func TestLinked(t *testing.T) {
	trees(t, func(t *testing.T, open func(Config) *Files) {
		s := newSite(t)
		s.write("real/app.php", secret)
		s.write("real/a.txt", "a")
		s.write("plain.php", "p")
		link(t, s, "real/app.php", "link.txt")
		link(t, s, "link.txt", "again.txt")
		link(t, s, "../real/./app.php", "real/up.txt")
		link(t, s, "real", "way")
		link(t, s, "way/up.txt", "far.txt")
		link(t, s, "real/a.txt", "b.txt")
		s.write("index/x", "")
		link(t, s, "../real/app.php", "index/index.html")
		s.write("style.css", strings.Repeat("css ", 1000))
		link(t, s, "real/app.php", "style.css.gz")
		judged := map[string]bool{}
		f := open(Config{Root: s.root, Linked: func(path []byte, executable bool) bool {
			judged[string(path)] = true
			return !strings.HasSuffix(string(path), ".php") && !executable
		}})
		defer f.Close()
		f.trust = 0
		c := dial(t, f)
		for range 2 {
			for uri, want := range map[string]int{
				"/link.txt": 404, "/again.txt": 404, "/real/up.txt": 404, "/far.txt": 404, "/way/app.php": 404, "/way/up.txt": 404,
				"/index/": 403, "/b.txt": 200, "/way/a.txt": 200, "/plain.php": 200, "/style.css": 200,
			} {
				if a := c.get(uri, "Accept-Encoding: gzip"); a.status != want || strings.Contains(string(a.body), secret) {
					t.Errorf("%s: %d %.20q, want %d", uri, a.status, a.body, want)
				}
			}
		}
		if len(judged) != 2 || !judged["/real/app.php"] || !judged["/real/a.txt"] {
			t.Errorf("judged: %v", judged)
		}
		// A file that becomes a link is judged, whatever is remembered of it.
		must(t, os.Remove(s.path("real/a.txt")))
		link(t, s, "app.php", "real/a.txt")
		if a := c.get("/real/a.txt"); a.status != 404 {
			t.Errorf("a new link: %d", a.status)
		}
	})
}
