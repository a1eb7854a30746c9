package httpd_test

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// scriptedVariable makes this test binary a FastCGI program that answers with the
// octets that the query has as "a", each "~" a moment in which it sends what it has,
// or with the parameters that it got, one on each line, and the body.
const scriptedVariable = "BIDENT_TEST_SCRIPTED"

// loopVariable makes it redirect to itself, whatever it is asked, and helloVariable
// say the same.
const (
	loopVariable  = "BIDENT_TEST_LOOP"
	helloVariable = "BIDENT_TEST_HELLO"
)

func scriptedMain() {
	l, err := net.FileListener(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			os.Exit(1)
		}
		go scripted(conn)
	}
}

func scripted(conn net.Conn) {
	defer conn.Close()
	s := fcgi.NewServerConn(conn, fcgi.ServerConfig{MaxBody: 1 << 30})
	for {
		r, err := s.Next()
		if err != nil {
			return
		}
		query, _ := url.ParseQuery(string(r.Params.Get("QUERY_STRING")))
		switch text := query.Get("a"); {
		case os.Getenv(helloVariable) != "":
			_ = s.Stdout([]byte("Content-Type: text/plain\n\nhello\n"))
		case os.Getenv(loopVariable) != "":
			_ = s.Stdout([]byte("Location: /again\n\n"))
		case query.Has("stderr"):
			_ = s.Stderr([]byte(query.Get("stderr")))
		case text != "":
			for i, piece := range strings.Split(text, "~") {
				if i > 0 {
					_ = s.Flush()
					time.Sleep(20 * time.Millisecond)
				}
				_ = s.Stdout([]byte(piece))
			}
		default:
			var lines []string
			for name, value := range r.Params.All() {
				lines = append(lines, string(name)+"="+string(value)+"\n")
			}
			slices.Sort(lines)
			_ = s.Stdout([]byte("Content-Type: text/plain\n\n" + strings.Join(lines, "") + "\n" + string(r.Stdin)))
		}
		_ = s.End(0)
		if !r.KeepConn {
			return
		}
	}
}

// program is that program.
func scriptedProgram(t *testing.T) httpd.Handler {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return httpd.Program(exe)
}

// site makes a directory of files; names that end with a star may be executed.
func site(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		name, executable := strings.CutSuffix(name, "*")
		mode := os.FileMode(0o644)
		if executable {
			mode = 0o755
		}
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// startScripts runs a server of scripts, which get the program above.
func startScripts(t *testing.T, h *httpd.Scripts, more ...func(*httpd.Server)) *server {
	t.Helper()
	h.Handler = scriptedProgram(t)
	return start(t, kind{make: func(t *testing.T, s *httpd.Server) {
		s.Handler, s.Env = h, []string{scriptedVariable + "=1"}
		for _, change := range more {
			change(s)
		}
	}}, pool.Config{})
}

var sources = map[string]string{
	"app.php": "SOURCE", "index.html": "front\n", "style.css": "css\n", "upload/pic.jpg": "JPEG", "upload/all.jpg*": "JPEG",
	"blog/index.php": "SOURCE", "run.pl": "SOURCE", "tool*": "SOURCE", "notes.bak": "notes\n",
	"config.php.bak": "SOURCE", "config.php~": "SOURCE", "lib.inc": "SOURCE", "UPPER.PHP": "SOURCE", "run.pl~": "SOURCE",
	"#app.php#": "SOURCE", "app.php copy": "SOURCE", "app.phpbak": "SOURCE", "#run.pl#": "SOURCE",
	"messages.pl.js": "js\n", ".env": "SOURCE", ".git/config": "SOURCE", "bare/x.txt": "x\n",
}

// where is what a program says of where its part of the URL begins.
func where(text string) string {
	var list []string
	for _, line := range strings.Split(text, "\n") {
		name, value, _ := strings.Cut(line, "=")
		switch name {
		case "SCRIPT_NAME", "PATH_INFO", "SCRIPT_FILENAME", "PATH_TRANSLATED", "DOCUMENT_URI":
			list = append(list, name+"="+value)
		}
	}
	return strings.Join(list, " ")
}

func TestScriptsRoute(t *testing.T) {
	root := site(t, sources)
	for name, to := range map[string]string{"link.txt": "app.php", "perl.txt": "run.pl", "env.txt": ".env", "css.txt": "style.css"} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	script := func(name, info string) string {
		text := "DOCUMENT_URI=" + name + info
		if info != "" {
			text += " PATH_INFO=" + info + " PATH_TRANSLATED=ROOT" + info
		}
		return text + " SCRIPT_FILENAME=ROOT" + name + " SCRIPT_NAME=" + name
	}
	mounted := func(path string) string { return "DOCUMENT_URI=" + path + " PATH_INFO=" + path + " SCRIPT_NAME=" }
	type answers map[string]string
	for _, x := range []struct {
		name string
		h    httpd.Scripts
		want answers // a status, a file's text, or what the program says
	}{
		{"default", httpd.Scripts{}, answers{
			"/": "front\n", "/style.css": "css\n", "/upload/all.jpg": "JPEG", "/notes.bak": "notes\n", "/messages.pl.js": "js\n",
			"/app.php": script("/app.php", ""), "/app.php/a/b?c": script("/app.php", "/a/b"), "/app.php/": script("/app.php", "/"),
			"/run.pl/x": script("/run.pl", "/x"), "/tool": script("/tool", ""), "/blog/": script("/blog/index.php", ""),
			"/blog": "301", "/bare": mounted("/bare"), "/bare/": mounted("/bare/"),
			"/upload/pic.jpg/x.php": "404", "/upload/pic.jpg/x": "404", "/nope.php": "404", "/nope.php/a": "404", "/x/nope.cgi": "404",
			"/config.php.bak": "404", "/config.php~": "404", "/run.pl~": "404", "/lib.inc": "404", "/app.php%00.css": "404",
			"/%23app.php%23": "404", "/app.php%20copy": "404", "/app.phpbak": "404", "/%23run.pl%23": "404",
			"/link.txt": "404", "/perl.txt": "404", "/env.txt": "404", "/css.txt": "css\n",
			"/nope": mounted("/nope"), "/.env": mounted("/.env"), "/../../etc/passwd": mounted("/etc/passwd"),
			"/%2e%2e/%2e%2e/etc/passwd": mounted("/etc/passwd"), "/a%2fb": mounted("/a/b"), "/%": "400",
		}},
		{"match", httpd.Scripts{Match: `\.php$`}, answers{
			"/app.php/a": script("/app.php", "/a"), "/run.pl": "SOURCE", "/upload/pic.jpg/x.php": "404", "/nope": "404",
			"/nope.php": "404", "/UPPER.PHP": "404", "/config.php~": "404", "/link.txt": "404", "/app.phpbak": "404", "/.env": "404", "/bare/": "403", "/bare": "301",
		}},
		{"match a directory", httpd.Scripts{Match: `^/(upload|api)/`}, answers{
			"/upload/pic.jpg": script("/upload/pic.jpg", ""), "/app.php": "404", "/api/v1": mounted("/api/v1"), "/other": "404",
			"/../upload/x": mounted("/upload/x"), "/style.css": "css\n",
		}},
		{"fallback", httpd.Scripts{Fallback: "/app.php"}, answers{
			"/nope?x": script("/app.php", ""), "/nope.php": script("/app.php", ""), "/.env": script("/app.php", ""), "/bare/": script("/app.php", ""),
			"/upload/pic.jpg/x.php": script("/app.php", ""), "/a//b": script("/app.php", ""), "/a%2fb": script("/app.php", ""),
			"/style.css": "css\n", "/app.php/x": script("/app.php", "/x"), "/blog/": script("/blog/index.php", ""), "/config.php.bak": script("/app.php", ""),
		}},
		{"static fallback", httpd.Scripts{Fallback: "/index.html"}, answers{"/nope": "front\n", "/app.php": script("/app.php", "")}},
		{"fallback that has gone", httpd.Scripts{Fallback: "/gone.php"}, answers{"/nope": "404", "/style.css": "css\n"}},
		{"script", httpd.Scripts{Script: "ROOT/app.php"}, answers{
			"/style.css": "css\n", "/nope": "DOCUMENT_URI=/nope PATH_INFO=/nope SCRIPT_FILENAME=ROOT/app.php SCRIPT_NAME=",
			"/run.pl": "DOCUMENT_URI=/run.pl PATH_INFO=/run.pl SCRIPT_FILENAME=ROOT/app.php SCRIPT_NAME=",
			"/":       "front\n", "/lib.inc": "DOCUMENT_URI=/lib.inc PATH_INFO=/lib.inc SCRIPT_FILENAME=ROOT/app.php SCRIPT_NAME=",
		}},
		{"index", httpd.Scripts{Index: []string{"app.php", "index.html"}}, answers{"/": script("/app.php", "")}},
	} {
		t.Run(x.name, func(t *testing.T) {
			x.h.Root, x.h.Script = root, strings.ReplaceAll(x.h.Script, "ROOT", root)
			s := startScripts(t, &x.h)
			c := newClient(t, s.url)
			for range 2 {
				for uri, want := range x.want {
					status, text, err := c.get(uri)
					if err != nil {
						t.Fatal(err)
					}
					got := fmt.Sprint(status)
					if status == 200 {
						if got = strings.ReplaceAll(where(text), root, "ROOT"); got == "" {
							got = text
						}
					}
					if got != want {
						t.Errorf("%s:\n got %s\nwant %s", uri, got, want)
					}
					if strings.Contains(text, "SOURCE") && want != "SOURCE" {
						t.Errorf("%s shows its source", uri)
					}
				}
			}
		})
	}
}

// TestScriptsWithoutRoot: a program can have a part of the URLs, or one script.
func TestScriptsWithoutRoot(t *testing.T) {
	file := filepath.Join(site(t, map[string]string{"app": ""}), "app")
	s := startScripts(t, &httpd.Scripts{Match: "^/app(/|$)", Script: file})
	c := newClient(t, s.url)
	if got, want := where(c.must(t, "/app/x%20y?z")), "PATH_INFO=/app/x y SCRIPT_FILENAME="+file+" SCRIPT_NAME="; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	for _, uri := range []string{"/", "/apple", "/x/app/y", "/app/../x"} {
		if status, _, err := c.get(uri); status != 404 || err != nil {
			t.Errorf("%s: %d, %v", uri, status, err)
		}
	}
}

// TestFilesWithoutWorker: files are sent while every worker is busy, and a request
// that is refused need not send its body.
func TestFilesWithoutWorker(t *testing.T) {
	s := startScripts(t, &httpd.Scripts{Root: site(t, sources)}, func(s *httpd.Server) { s.Pool.MaxServers = 1 })
	busy := newClient(t, s.url)
	busy.send(t, "GET /app.php?a="+url.QueryEscape("A: b\n\n"+strings.Repeat("~", 40))+" HTTP/1.1\r\nHost: x\r\n\r\n")
	s.await(t, func(state string) bool { return state == "W" })
	c := newClient(t, s.url)
	for range 3 {
		if got := c.must(t, "/style.css"); got != "css\n" {
			t.Errorf("got %q", got)
		}
	}
	c.send(t, "POST /nope.php HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
	if resp := c.receive(t, "POST"); resp.StatusCode != 404 || !resp.Close {
		t.Errorf("status %d, close %v", resp.StatusCode, resp.Close)
	}
	c = newClient(t, s.url)
	c.send(t, "GET /style.css HTTP/1.1\r\nHost: x\r\nRange: bytes=1-\r\n\r\nHEAD /style.css HTTP/1.1\r\nHost: x\r\n\r\n")
	resp := c.receive(t, "GET")
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 206 || string(b) != "ss\n" {
		t.Errorf("range: %d %q", resp.StatusCode, b)
	}
	if resp = c.receive(t, "HEAD"); resp.StatusCode != 200 || resp.ContentLength != 4 {
		t.Errorf("HEAD: %d, %d octets", resp.StatusCode, resp.ContentLength)
	}
	busy.close()
}

// TestScriptsReload: a link for a root leads to another release after a reload, for
// files and for scripts, and to none before.
func TestScriptsReload(t *testing.T) {
	old, next := site(t, map[string]string{"app.php": "", "a.txt": "old"}), site(t, map[string]string{"app.php": "", "a.txt": "next"})
	current := filepath.Join(t.TempDir(), "current")
	if err := os.Symlink(old, current); err != nil {
		t.Fatal(err)
	}
	s := startScripts(t, &httpd.Scripts{Root: current})
	c := newClient(t, s.url)
	is := func(root, text string) {
		t.Helper()
		if got := c.must(t, "/a.txt"); got != text {
			t.Errorf("file %q, want %q", got, text)
		}
		if got := c.must(t, "/app.php"); !strings.Contains(got, "\nSCRIPT_FILENAME="+root+"/app.php\n") {
			t.Errorf("not %s/app.php: %s", root, got)
		}
	}
	is(old, "old")
	for range 3 {
		for _, x := range []struct{ root, before, text string }{{next, "old", "next"}, {old, "next", "old"}} {
			if err := os.Remove(current); err != nil {
				t.Fatal(err)
			}
			if err := s.Reload(t.Context()); err == nil {
				t.Error("a reload without a root succeeds")
			}
			if got := c.must(t, "/a.txt"); got != x.before {
				t.Errorf("after a failed reload: %q", got)
			}
			if err := os.Symlink(x.root, current); err != nil {
				t.Fatal(err)
			}
			if err := s.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			is(x.root, x.text)
		}
	}
}

func TestScriptsProblems(t *testing.T) {
	root := site(t, sources)
	for want, h := range map[string]*httpd.Scripts{
		"Handler is missing":                  {Root: root},
		"Handler runs no scripts":             {Root: root, Handler: &httpd.Files{Root: root}},
		"Match: error parsing regexp":         {Root: root, Match: "("},
		"Scripts: Root: lstat /no":            {Root: "/no/such/directory"},
		"Index makes no sense without Root":   {Index: []string{"a"}},
		"Fallback makes no sense without":     {Fallback: "/a"},
		`Fallback: "a" is no path`:            {Root: root, Fallback: "a"},
		`Fallback: "/../a" is no path`:        {Root: root, Fallback: "/../a"},
		"Fallback makes no sense with Script": {Root: root, Fallback: "/a", Script: root + "/app.php"},
		"SendfileRoots make no sense":         {SendfileRoots: []string{root}},
		"SendfileRoots: lstat /no":            {Root: root, SendfileRoots: []string{"/no/such/directory"}},
		"Script: stat /no/such":               {Script: "/no/such"},
		"is no file":                          {Script: root},
		`Index: "a/b" is not the name`:        {Root: root, Index: []string{"a/b"}},
	} {
		if h.Handler == nil && want != "Handler is missing" {
			h.Handler = scriptedProgram(t)
		}
		err := (&httpd.Server{Mode: httpd.Fork, Handler: h}).Validate()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
