package files

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// byName: .php are scripts, .secret hidden, and what may be executed without an
// extension is a script.
type byName struct{}

func (byName) Sort(p []byte, executable bool) Sort {
	switch ext := path.Ext(string(p)); {
	case ext == ".php", ext == "" && executable:
		return Script
	case ext == ".secret":
		return Hidden
	}
	return Plain
}

var someIndex = []string{"index.php", "index.html"}

func scriptSite(t testing.TB) *site {
	s := newSite(t)
	s.write("app.php", "<?php")
	s.write("blog/index.php", "<?php")
	s.write("blog/index.html", "<p>")
	s.write("upload/pic.jpg", "JPEG")
	s.write("upload/a.php/b.php", "<?php") // a directory with a script's name
	s.write("x.secret", "s")
	s.write("tool", "#!")
	must(t, os.Chmod(s.path("tool"), 0o755))
	s.write("hidden/index.secret", "s")
	s.write("ä b/c+d.php", "<?php")
	return s
}

func TestLocate(t *testing.T) {
	trees(t, func(t *testing.T, open func(Config) *Files) {
		s := scriptSite(t)
		must(t, os.WriteFile(filepath.Join(s.dir, "outside.php"), []byte(secret), 0o644))
		link(t, s, "app.php", "alias.php")
		link(t, s, "../outside.php", "out.php")
		link(t, s, "..", "up")
		f := open(Config{Root: s.root})
		defer f.Close()
		for range 2 { // the second time from memory
			for _, x := range []struct {
				uri          string
				found        Found
				script, info string
			}{
				{"/", FoundFile, "", ""}, // index.html
				{"/app.php", FoundScript, "/app.php", ""},
				{"/app.php?x=/y.php/z", FoundScript, "/app.php", ""},
				{"http://host/app.php/a", FoundScript, "/app.php", "/a"},
				{"/app.php/", FoundScript, "/app.php", "/"},
				{"/app.php/a/b", FoundScript, "/app.php", "/a/b"},
				{"/app.php/a/b/", FoundScript, "/app.php", "/a/b/"},
				{"/app.php/other.php", FoundScript, "/app.php", "/other.php"},
				{"/%61pp%2ephp/%C3%A4", FoundScript, "/app.php", "/ä"},
				{"/%C3%A4%20b/c+d.php/e%3Ff", FoundScript, "/ä b/c+d.php", "/e?f"},
				{"/alias.php/x", FoundScript, "/alias.php", "/x"},
				{"/blog", FoundSlash, "", ""},
				{"/blog?q", FoundSlash, "", ""},
				{"/blog/", FoundScript, "/blog/index.php", ""},
				{"/blog/index.html", FoundFile, "", ""},
				{"/blog/index.php/x", FoundScript, "/blog/index.php", "/x"},
				{"/upload/pic.jpg", FoundFile, "", ""},
				{"/upload/pic.jpg/", FoundHidden, "", ""},
				{"/upload/pic.jpg/x.php", FoundHidden, "", ""},
				{"/upload/pic.jpg/x.php/y", FoundHidden, "", ""},
				{"/upload/a.php", FoundDirectory, "", ""},
				{"/upload/a.php/", FoundDirectory, "", ""},
				{"/upload/a.php/b.php/c", FoundScript, "/upload/a.php/b.php", "/c"},
				{"/upload/a.php/x", FoundNothing, "", ""},
				{"/upload", FoundDirectory, "", ""},
				{"/x.secret", FoundHidden, "", ""},
				{"/x.secret/x.php", FoundHidden, "", ""},
				{"/hidden/", FoundDirectory, "", ""},
				{"/tool/a", FoundScript, "/tool", "/a"},
				{"/nope.php", FoundNothing, "", ""},
				{"/nope.php/a", FoundNothing, "", ""},
				{"/nope/app.php", FoundNothing, "", ""},
				{"/out.php", FoundNothing, "", ""},
				{"/out.php/x", FoundNothing, "", ""},
				{"/up/outside.php", FoundNothing, "", ""},
				{"/up/", FoundNothing, "", ""},
				{"/../outside.php", FoundNothing, "", ""},
				{"/%2e%2e/outside.php", FoundNothing, "", ""},
				{"/blog%2findex.php", FoundNothing, "", ""},
				{"/blog%5cindex.php", FoundNothing, "", ""},
				{"/app.php%00.jpg", FoundNothing, "", ""},
				{"/app.php/../a.txt", FoundNothing, "", ""},
				{"/app.php//x", FoundNothing, "", ""},
				{"//app.php", FoundNothing, "", ""},
				{"/.git/config", FoundNothing, "", ""},
				{"/%zz", FoundMalformed, "", ""},
				{"*", FoundMalformed, "", ""},
				{"/app.php/" + strings.Repeat("a/", 1000), FoundScript, "/app.php", "/" + strings.Repeat("a/", 1000)},
			} {
				var l Location
				found := f.Locate(&l, []byte(x.uri), someIndex, byName{})
				if found != x.found || string(l.Script) != x.script || string(l.Info) != x.info {
					t.Errorf("%.60s: %d %q %.60q, want %d %q %.60q", x.uri, found, l.Script, l.Info, x.found, x.script, x.info)
				}
			}
		}
	})
}

// TestLocateSeesChanges: what has been replaced is not found as what it was.
func TestLocateSeesChanges(t *testing.T) {
	trees(t, func(t *testing.T, open func(Config) *Files) {
		s := scriptSite(t)
		must(t, os.WriteFile(filepath.Join(s.dir, "outside.php"), []byte(secret), 0o644))
		f := open(Config{Root: s.root})
		defer f.Close()
		f.trust = 0
		locate := func(uri string, want Found) {
			t.Helper()
			var l Location
			if got := f.Locate(&l, []byte(uri), someIndex, byName{}); got != want {
				t.Errorf("%s: %d, want %d", uri, got, want)
			}
		}
		locate("/app.php", FoundScript)
		must(t, os.Rename(s.path("app.php"), s.path("app2.php")))
		locate("/app.php", FoundNothing)
		locate("/app2.php", FoundScript)
		must(t, os.Mkdir(s.path("app.php"), 0o755))
		locate("/app.php", FoundDirectory)
		link(t, s, "../outside.php", "late.php")
		locate("/late.php", FoundNothing)
		must(t, os.Remove(s.path("app2.php")))
		link(t, s, "../outside.php", "app2.php")
		locate("/app2.php", FoundNothing)
		must(t, os.Chmod(s.path("tool"), 0o644))
		locate("/tool", FoundFile)
		must(t, f.Close())
		locate("/tool", FoundBusy)
	})
}

func TestAllocationsOfLocate(t *testing.T) {
	s := scriptSite(t)
	f, err := New(Config{Root: s.root})
	must(t, err)
	defer f.Close()
	if _, ok := f.tree.(*rootTree); ok {
		t.Log("without openat2 each look allocates: not counted")
		return
	}
	var l Location
	for _, trusted := range []time.Duration{0, time.Hour} {
		f.trust = trusted
		for _, uri := range []string{"/app.php", "/blog/", "/upload/pic.jpg", "/../x", "/blog/index.php?x", "/nope.php", "/nope/x", "/app.php/x/y", "/upload/"} {
			target := []byte(uri)
			f.Locate(&l, target, someIndex, byName{})
			if n := testing.AllocsPerRun(200, func() { f.Locate(&l, target, someIndex, byName{}) }); n != 0 {
				t.Errorf("%s: %v allocations", uri, n)
			}
		}
	}
}

// FuzzLocate: a script is a file below the root, at the end of a segment of the
// path that was asked for, and nothing of the path is lost or made up.
func FuzzLocate(f *testing.F) {
	s := scriptSite(f)
	must(f, os.WriteFile(filepath.Join(s.dir, "outside.php"), []byte(secret), 0o644))
	must(f, os.Symlink("../outside.php", s.path("out.php")))
	must(f, os.Symlink("..", s.path("up")))
	for _, a := range attacks {
		f.Add(a)
		f.Add("/app.php" + a)
	}
	for _, uri := range []string{"/app.php/a/b", "/upload/pic.jpg/x.php", "/up/outside.php", "/blog/?x", "/up/root/app.php/x"} {
		f.Add(uri)
	}
	system, err := New(Config{Root: s.root})
	must(f, err)
	root, err := newRootTree(s.root, Inside)
	must(f, err)
	portable := newFiles(Config{Root: s.root}, root)
	f.Fuzz(func(t *testing.T, uri string) {
		var l, m Location
		found := system.Locate(&l, []byte(uri), someIndex, byName{})
		if other := portable.Locate(&m, []byte(uri), someIndex, byName{}); other != found || !bytes.Equal(l.Script, m.Script) {
			t.Fatalf("%q: %d %q, portable %d %q", uri, found, l.Script, other, m.Script)
		}
		if found != FoundScript {
			if l.Script != nil || l.Info != nil {
				t.Fatalf("%q: %d, but %q %q", uri, found, l.Script, l.Info)
			}
			return
		}
		script, info := string(l.Script), string(l.Info)
		if script == "" || script[0] != '/' || path.Clean(script) != script || strings.ContainsAny(script, "\x00\\") {
			t.Fatalf("%q: script %q", uri, script)
		}
		if info != "" && (info[0] != '/' || strings.Contains(info, "//") || strings.Contains(info+"/", "/../")) {
			t.Fatalf("%q: info %q", uri, info)
		}
		real, err := filepath.EvalSymlinks(filepath.Join(s.root, filepath.FromSlash(script)))
		if err != nil || !strings.HasPrefix(real, s.root+string(filepath.Separator)) {
			t.Fatalf("%q: %q is %q, %v", uri, script, real, err)
		}
		if b, err := os.ReadFile(real); err != nil || strings.Contains(string(b), secret) {
			t.Fatalf("%q: %q %v", uri, b, err)
		}
	})
}
