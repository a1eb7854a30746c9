package httpd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// FuzzCGIBin looks for scripts of all paths: those that are found are inside, are
// executable, are not hidden, and with what is behind them make up the path.
func FuzzCGIBin(f *testing.F) {
	for _, seed := range []string{
		"/cgi-bin/a", "/cgi-bin/a/b/../..", "/cgi-bin/sub/b/x", "/cgi-bin/sub", "/cgi-bin/sub/", "/cgi-bin/out",
		"/cgi-bin/up/etc/passwd", "/cgi-bin/.h", "/cgi-bin//a", "/cgi-bin/%2e%2e/x", "/cgi-bin/in/%00", "/x", "*",
		"http://h/cgi-bin/a?x", "/cgi-bin/a%2fb", "/cgi-bin/./a/",
	} {
		f.Add(seed)
	}
	dir, err := filepath.EvalSymlinks(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"a": 0o755, ".h": 0o755, "sub/b": 0o755, "sub/index.cgi": 0o755, "no": 0o644} {
		path := filepath.Join(dir, "bin", name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, nil, mode); err != nil {
			f.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(dir, "secret"), nil, 0o755)
	for from, to := range map[string]string{"in": "sub/b", "out": "../secret", "up": "/", "self": "."} {
		if err := os.Symlink(to, filepath.Join(dir, "bin", from)); err != nil {
			f.Fatal(err)
		}
	}
	bin := filepath.Join(dir, "bin")
	b := &cgiBin{outside: bin, dir: bin, prefix: "/cgi-bin/"}
	f.Fuzz(func(t *testing.T, uri string) {
		var uriBuffer fasthttp.URI
		where := string(decodePath(&uriBuffer, splitTarget([]byte(uri)).path))
		script, status, err := b.find(where)
		if err != nil && (script != nil || status != 404) { // a link that leads out
			t.Fatal(err)
		}
		if script == nil {
			if status < 400 {
				t.Fatalf("%q: no script, status %d", where, status)
			}
			return
		}
		real, err := filepath.EvalSymlinks(script.path)
		if err != nil || !strings.HasPrefix(real, bin+"/") {
			t.Errorf("%q: %s is %s, %v", where, script.path, real, err)
		}
		if strings.Contains(script.name, "/.") || filepath.Dir(script.path) != script.dir {
			t.Errorf("%q: %+v", where, script)
		}
		if info, err := os.Stat(real); err != nil || !info.Mode().IsRegular() || !executableFile(info) {
			t.Errorf("%q: %s is no executable file", where, real)
		}
		if got := script.name + script.info; got != where && got != strings.TrimSuffix(where, "/")+"/"+cgiIndex {
			t.Errorf("%q: %+v", where, script)
		}
	})
}
