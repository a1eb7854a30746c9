package files

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// long ago: what was modified then is remembered.
var longAgo = time.Date(2020, 2, 3, 4, 5, 6, 789_000_000, time.UTC)

// site is a directory with files, and one next to it that nobody may see.
type site struct {
	t    testing.TB
	dir  string
	root string
}

func newSite(t testing.TB) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, dir: dir, root: filepath.Join(dir, "root")}
	s.mkdir("")
	s.write("index.html", "<p>front")
	s.write("a.txt", "0123456789")
	s.write("empty.txt", "")
	s.write("sub/index.html", "<p>sub")
	s.write("sub/b.txt", "below")
	s.write("bare/c.txt", "no index here")
	s.write(".secret", secret)
	s.write(".git/config", secret)
	s.write(".well-known/security.txt", "mailto")
	s.write(".well-known/.hidden", secret)
	s.write("big.bin", pattern(300_000)) // more than is remembered
	s.write("style.css", strings.Repeat("p { color: red }\n", 400))
	s.write("photo.png", pattern(5000))
	must(t, os.WriteFile(filepath.Join(dir, "outside.txt"), []byte(secret), 0o644))
	return s
}

const secret = "TOP SECRET"

func pattern(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 % 251)
	}
	return string(b)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) path(name string) string { return filepath.Join(s.root, filepath.FromSlash(name)) }

func (s *site) mkdir(name string) { must(s.t, os.MkdirAll(s.path(name), 0o755)) }

func (s *site) write(name, content string) {
	s.t.Helper()
	must(s.t, os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	must(s.t, os.WriteFile(s.path(name), []byte(content), 0o644))
	s.touch(name, longAgo)
}

func (s *site) touch(name string, at time.Time) { must(s.t, os.Chtimes(s.path(name), at, at)) }

// serve starts a real server on a UNIX socket; change may alter the Config.
func (s *site) serve(change func(*Config)) *client {
	s.t.Helper()
	c := Config{Root: s.root}
	if change != nil {
		change(&c)
	}
	f, err := New(c)
	must(s.t, err)
	f.settle = always
	return dial(s.t, f)
}

// always as the time to settle: also files that were written just now are
// remembered, as long as a test sees to it that their times tell versions apart.
const always = -time.Hour

// dial starts a server for f and a client of it.
func dial(t testing.TB, f *Files) *client {
	t.Helper()
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	must(t, err)
	server := &fasthttp.Server{Handler: f.Serve, Logger: silent{}, ReadBufferSize: 32 << 10}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	c := &client{t: t, addr: l.Addr().String(), files: f}
	t.Cleanup(func() {
		if c.conn != nil {
			c.conn.Close()
		}
		must(t, server.Shutdown())
		must(t, <-done)
		must(t, f.Close())
	})
	return c
}

type silent struct{}

func (silent) Printf(string, ...any) {}

// client sends requests as they are written, over one connection as long as it
// lasts, and reads answers strictly.
type client struct {
	t     testing.TB
	addr  string
	files *Files
	conn  net.Conn
	in    *bufio.Reader
}

// answer is a parsed response.
type answer struct {
	status int
	fields map[string][]string
	body   string
}

func (a *answer) get(name string) string { return strings.Join(a.fields[strings.ToLower(name)], "|") }

// do sends a request with fields given as "Name: value".
func (c *client) do(method, target string, fields ...string) *answer {
	c.t.Helper()
	head := method + " " + target + " HTTP/1.1\r\nHost: x\r\n"
	for _, f := range fields {
		head += f + "\r\n"
	}
	return c.send(method, head+"\r\n")
}

func (c *client) get(target string, fields ...string) *answer {
	c.t.Helper()
	return c.do("GET", target, fields...)
}

// send writes raw octets and reads one answer.
func (c *client) send(method, raw string) *answer {
	c.t.Helper()
	if c.conn == nil {
		conn, err := net.Dial("unix", c.addr)
		must(c.t, err)
		c.conn, c.in = conn, bufio.NewReaderSize(conn, 64<<10)
	}
	must(c.t, c.conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err := io.WriteString(c.conn, raw)
	must(c.t, err)
	a, err := readAnswer(c.in, method)
	if err != nil {
		c.t.Fatalf("%q: %v", strings.SplitN(raw, "\r\n", 2)[0], err)
	}
	if a.get("Connection") == "close" {
		c.conn.Close()
		c.conn = nil
	}
	return a
}

func readAnswer(in *bufio.Reader, method string) (*answer, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	a := &answer{fields: map[string][]string{}}
	if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &a.status); err != nil {
		return nil, fmt.Errorf("%q: %w", line, err)
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if line == "\r\n" {
			break
		}
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\r\n"), ": ")
		if !ok {
			return nil, fmt.Errorf("field %q", line)
		}
		a.fields[strings.ToLower(name)] = append(a.fields[strings.ToLower(name)], value)
	}
	length := a.get("Content-Length")
	if method == "HEAD" || a.status == 304 || a.status == 204 {
		return a, nil
	}
	n, err := strconv.Atoi(length)
	if err != nil {
		return nil, fmt.Errorf("Content-Length %q: %w", length, err)
	}
	body := make([]byte, n)
	got, err := io.ReadFull(in, body)
	a.body = string(body[:got])
	return a, err
}

// want fails the test unless the answer has a status, and these fields ("Name: value", "Name:"
// for none).
func (a *answer) want(t testing.TB, status int, fields ...string) *answer {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d (%.80q)", a.status, status, a.body)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ":")
		if got := a.get(name); got != strings.TrimSpace(value) {
			t.Errorf("%s: %q, want %q", name, got, strings.TrimSpace(value))
		}
	}
	return a
}

func TestFileIsServedWithItsDescription(t *testing.T) {
	s := newSite(t)
	c := s.serve(func(c *Config) { c.CacheControl = "max-age=60" })
	for range 3 { // made, remembered, remembered
		a := c.get("/a.txt").want(t, 200, "Content-Type: text/plain; charset=utf-8", "Content-Length: 10",
			"Last-Modified: Mon, 03 Feb 2020 04:05:06 GMT", "Accept-Ranges: bytes", "Cache-Control: max-age=60",
			"Vary:", "Content-Encoding:", "X-Content-Type-Options:")
		if a.body != "0123456789" || !strings.HasPrefix(a.get("ETag"), `"`) {
			t.Fatalf("%+v", a)
		}
		if a := c.get("/big.bin"); a.body != pattern(300_000) || a.get("Content-Type") != "application/octet-stream" {
			t.Fatalf("big: %d octets", len(a.body))
		}
		c.get("/empty.txt").want(t, 200, "Content-Length: 0")
	}
}

func TestMethodsRFC9110Section9(t *testing.T) {
	c := newSite(t).serve(nil)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "get"} {
		c.do(method, "/a.txt", "Content-Length: 0").want(t, 405, "Allow: GET, HEAD, OPTIONS")
	}
	c.do("OPTIONS", "/a.txt").want(t, 204, "Allow: GET, HEAD, OPTIONS", "Content-Length:", "Content-Type:")
	c.do("OPTIONS", "*").want(t, 204, "Allow: GET, HEAD, OPTIONS")
}

func TestHeadEqualsGetRFC9110Section932(t *testing.T) {
	s := newSite(t)
	c := s.serve(nil)
	for _, target := range []string{"/a.txt", "/big.bin", "/style.css", "/empty.txt", "/", "/none", "/sub", "/.secret"} {
		for _, fields := range [][]string{nil, {"Accept-Encoding: gzip, br, zstd"}} {
			got, want := c.do("HEAD", target, fields...), c.get(target, fields...)
			delete(got.fields, "date")
			delete(want.fields, "date")
			if got.status != want.status || fmt.Sprint(got.fields) != fmt.Sprint(want.fields) {
				t.Errorf("%s %v:\nHEAD %d %v\nGET  %d %v", target, fields, got.status, got.fields, want.status, want.fields)
			}
		}
	}
	c.do("HEAD", "/a.txt", "Range: bytes=0-1").want(t, 200, "Content-Length: 10") // section 14.2
}

func TestDirectories(t *testing.T) {
	s := newSite(t)
	c := s.serve(nil)
	if a := c.get("/").want(t, 200, "Content-Type: text/html; charset=utf-8"); a.body != "<p>front" {
		t.Error(a.body)
	}
	if a := c.get("/sub/?x").want(t, 200); a.body != "<p>sub" {
		t.Error(a.body)
	}
	c.get("/sub?a=b%20c&d").want(t, 301, "Location: /sub/?a=b%20c&d")
	c.get("/%73ub").want(t, 301, "Location: /sub/")
	c.get("http://evil.example/sub").want(t, 301, "Location: /sub/")
	c.get("/bare/").want(t, 403)
	c.get("/a.txt/").want(t, 404)
	c.get("/none/").want(t, 404)

	// The first index that is there, and that is a file, also if it comes later.
	s.mkdir("many/first.html")
	s.write("many/third.html", "3")
	c = s.serve(func(c *Config) { c.Index = []string{"first.html", "second.html", "third.html"} })
	if a := c.get("/many/").want(t, 200); a.body != "3" {
		t.Error(a.body)
	}
	s.write("many/second.html", "2")
	if a := c.get("/many/").want(t, 200); a.body != "2" {
		t.Error(a.body)
	}
	s.mkdir("odd name;ü\"")
	c.get("/odd%20name;%C3%BC%22").want(t, 301, "Location: /odd%20name;%C3%BC%22/")
}

func TestConfigTellsAllProblems(t *testing.T) {
	_, err := New(Config{
		Root: filepath.Join(t.TempDir(), "none"), Index: []string{"a/b", ".."}, Symlinks: 7,
		Types: map[string]string{"html": "text/html", ".x": "nonsense"}, CacheControl: "a\r\nb: c",
	})
	for _, part := range []string{`"a/b"`, `".."`, "policy 7", `"html"`, `"nonsense"`, "CacheControl", "Root"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("no word on %s: %v", part, err)
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("no root, no error")
	}
	s := newSite(t)
	if _, err := New(Config{Root: s.path("a.txt")}); err == nil {
		t.Error("the root is a file")
	}
	var l Symlinks
	for _, want := range []Symlinks{Inside, Never} {
		text, err := want.MarshalText()
		if err != nil || l.UnmarshalText(text) != nil || l != want {
			t.Errorf("%q %v %v", text, err, l)
		}
	}
	if l.UnmarshalText([]byte("anywhere")) == nil {
		t.Error("anywhere is no policy")
	}
}

func TestMediaTypes(t *testing.T) {
	own := map[string]string{".foo": "application/x-foo", ".css": "text/plain"}
	for name, want := range map[string]string{
		"a/b.HTML": "text/html; charset=utf-8", "x.js": "text/javascript; charset=utf-8",
		"x.json": "application/json", "x.svg": "image/svg+xml", "x.wasm": "application/wasm",
		"x.woff2": "font/woff2", "x.avif": "image/avif", "x.webp": "image/webp", "x.mp4": "video/mp4",
		"x.webmanifest": "application/manifest+json", "x": octets, "x.nosuchtype": octets, "x.": octets,
		"x.foo": "application/x-foo", "x.css": "text/plain", "d.html/x": octets,
	} {
		if got := mediaType(name, own); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestRequestsAfterCloseAreRefused(t *testing.T) {
	s := newSite(t)
	f, err := New(Config{Root: s.root})
	must(t, err)
	var ctx fasthttp.RequestCtx
	ctx.Request.SetRequestURI("/big.bin")
	f.Serve(&ctx)
	body := ctx.Response.BodyStream().(*Body)
	must(t, f.Close())
	must(t, f.Close())
	var got bytes.Buffer
	if n, err := body.WriteTo(&got); err != nil || n != 300_000 {
		t.Errorf("a body after Close: %d %v", n, err)
	}
	must(t, ctx.Response.CloseBodyStream())
	var late fasthttp.RequestCtx
	late.Request.SetRequestURI("/a.txt")
	f.Serve(&late)
	if late.Response.StatusCode() != 503 {
		t.Error(late.Response.StatusCode())
	}
}
