package demo

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
)

// client talks to an application and fails the test when it cannot.
type client struct {
	t    *testing.T
	http *http.Client
	base string
}

func newClient(t *testing.T, base string, dial func() (net.Conn, error)) *client {
	transport := &http.Transport{DisableCompression: true}
	if dial != nil {
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return dial() }
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t, &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, base}
}

// alone serves the application without package httpd.
func alone(t *testing.T, o Options) *client {
	t.Helper()
	l := fasthttputil.NewInmemoryListener()
	server := &fasthttp.Server{Handler: New(o), NoDefaultServerHeader: true, DisablePreParseMultipartForm: true}
	over := make(chan error, 1)
	go func() { over <- server.Serve(l) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	return newClient(t, "http://demo", l.Dial)
}

// do sends a request and reads the whole answer.
func (c *client) do(method, path, body string, header ...string) (*http.Response, string) {
	c.t.Helper()
	request, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	response, err := c.http.Do(request)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return response, string(text)
}

// sequence is what /bytes sends.
func sequence(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return string(b)
}

const binary = "\x00\x01\r\n\xff\xfe body"

// answers is a case per path. Those marked worker need package httpd.
var answers = []struct {
	name   string
	method string // GET unless given
	path   string
	body   string
	header []string // of the request
	worker bool

	status int // 200 unless given
	want   string
	match  string            // instead of want
	fields map[string]string // of the answer
}{
	{name: "hello", path: "/hello", want: "hello\n", fields: map[string]string{"Content-Type": "text/plain", "Content-Length": "6"}},
	{name: "index", path: "/", match: `(?s)^<!DOCTYPE html>.*This child has served \d+ requests\..*href="/stream\?n=5&amp;ms=200&amp;sz=0".*</html>\n$`,
		fields: map[string]string{"Content-Type": "text/html; charset=utf-8"}},
	{name: "echo", method: "POST", path: "/echo", body: binary, header: []string{"Content-Type", "image/x-odd; q=1"}, want: binary,
		fields: map[string]string{"Content-Type": "image/x-odd; q=1", "X-Method": "POST", "X-Len": "11"}},
	{name: "echo without type", method: "PUT", path: "/echo", body: "b", want: "b",
		fields: map[string]string{"Content-Type": "application/octet-stream", "X-Method": "PUT", "X-Len": "1"}},
	{name: "echo of nothing", path: "/echo", want: "", fields: map[string]string{"X-Method": "GET", "X-Len": "0", "Content-Length": "0"}},
	{name: "echo of a form", method: "POST", path: "/echo", body: "--b\r\nodd", header: []string{"Content-Type", "multipart/form-data; boundary=b"},
		want: "--b\r\nodd"},
	{name: "digest", method: "DELETE", path: "/digest", body: binary, want: fmt.Sprintf("method=DELETE len=11 sha1=%x\n", sha1.Sum([]byte(binary)))},
	{name: "digest of nothing", path: "/digest", want: "method=GET len=0 sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709\n"},
	{name: "env", path: "/env?a=b%20c", header: []string{"X-One", "1"},
		match: `(?s)^GATEWAY_INTERFACE=CGI/1\.1\n.*HTTP_X_ONE=1\nPATH_INFO=/env\nQUERY_STRING=a=b%20c\n`},
	{name: "envsum", path: "/envsum?prefix=HTTP_X_", header: []string{"X-B", "two", "X-A", "1"},
		want: fmt.Sprintf("n=2 bytes=20 sha1=%x\n", sha1.Sum([]byte("HTTP_X_A=1\nHTTP_X_B=two\n")))},
	{name: "envsum of nothing", path: "/envsum?prefix=NO", want: "n=0 bytes=0 sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709\n"},
	{name: "envsum of all", path: "/envsum", match: `^n=1\d bytes=\d+ sha1=[0-9a-f]{40}\n$`},
	{name: "status", path: "/status?c=418", status: 418, want: "status 418\n"},
	{name: "status by default", path: "/status", status: 404, want: "status 404\n"},
	{name: "status 204", path: "/status?c=204", status: 204, fields: map[string]string{"Content-Length": "", "Content-Type": ""}},
	{name: "status 304", path: "/status?c=304", status: 304, fields: map[string]string{"Content-Type": ""}},
	{name: "status 100", path: "/status?c=100", status: 400, want: "c: \"100\" is not a whole number from 200 to 599\n"},
	{name: "redirect", path: "/redirect?to=../a%20b?c%23d", status: 302, want: "redirect\n", fields: map[string]string{"Location": "../a b?c#d"}},
	{name: "redirect elsewhere", path: "/redirect?to=https://example.org//x&c=301", status: 301, want: "redirect\n",
		fields: map[string]string{"Location": "https://example.org//x"}},
	{name: "redirect with line end", path: "/redirect?to=/a%0d%0aX-Evil:1", status: 400, match: `^to: .* holds a control character`,
		fields: map[string]string{"X-Evil": "", "Location": ""}},
	{name: "redirect nowhere", path: "/redirect", status: 400, match: "^to: missing or empty"},
	{name: "redirect without redirection", path: "/redirect?to=/&c=200", status: 400, match: "^c: "},
	{name: "stream", path: "/stream?n=3&ms=0", worker: true, want: "chunk 0\nchunk 1\nchunk 2\n", fields: map[string]string{"Content-Length": ""}},
	{name: "stream with padding", path: "/stream?n=2&ms=1&sz=3", worker: true, want: "chunk 0\nxxx\nchunk 1\nxxx\n"},
	{name: "stream of nothing", path: "/stream?n=0", worker: true, want: ""},
	{name: "stream too long", path: "/stream?n=1000001", status: 400, want: "n: \"1000001\" is not a whole number from 0 to 1000000\n"},
	{name: "stream with bad pause", path: "/stream?ms=1.5", status: 400, match: "^ms: "},
	{name: "stream with bad padding", path: "/stream?sz=-1", status: 400, match: "^sz: "},
	{name: "bytes", path: "/bytes?n=1000", want: sequence(1000), fields: map[string]string{"Content-Length": "1000"}},
	{name: "no bytes", path: "/bytes?n=0", want: "", fields: map[string]string{"Content-Length": "0"}},
	{name: "most bytes at once", path: "/bytes?n=65511", want: sequence(65511)},
	{name: "bytes streamed", path: "/bytes?n=1000003", worker: true, want: sequence(1000003), fields: map[string]string{"Content-Length": "1000003"}},
	{name: "bytes without number", path: "/bytes", status: 400, want: "n: missing; it must be a whole number from 0 to 1073741824\n"},
	{name: "too many bytes", path: "/bytes?n=1073741825", status: 400, match: "^n: "},
	{name: "headers", path: "/headers?n=3&sz=4", want: "headers\n", fields: map[string]string{"X-H-0": "hhhh", "X-H-2": "hhhh", "X-H-3": ""}},
	{name: "too many headers", path: "/headers?n=1001", status: 400, match: "^n: "},
	{name: "too much in headers", path: "/headers?n=1000&sz=65536", status: 400, match: "^n, sz: "},
	{name: "cookies", path: "/cookies", want: "cookies\n"},
	{name: "stderr", path: "/stderr?msg=x", want: "ok\n"},
	{name: "pid", path: "/pid", match: `^pid=\d+ served=\d+\n$`},
	{name: "sendfile", path: "/sendfile?path=/p%20q", want: "", fields: map[string]string{"X-Accel-Redirect": "/p q"}},
	{name: "sendfile for Apache", path: "/sendfile?path=/p&h=X-Sendfile", want: "", fields: map[string]string{"X-Sendfile": "/p"}},
	{name: "sendfile in a bad field", path: "/sendfile?path=1&h=Content-Length", status: 400, match: "^h: "},
	{name: "sendfile in two fields", path: "/sendfile?path=1&h=X-A:b%0d%0aC", status: 400, match: "^h: "},
	{name: "sleep", path: "/sleep?ms=1", want: "slept 1\n"},
	{name: "sleep too long", path: "/sleep?ms=3600001", status: 400, match: "^ms: "},
	{name: "sleep without time", path: "/sleep", status: 400, match: "^ms: missing"},
	{name: "cpu", path: "/cpu?ms=1", want: "cpu 1\n"},
	{name: "cpu with letters", path: "/cpu?ms=x%0a", status: 400, want: "ms: \"x\\n\" is not a whole number from 0 to 3600000\n"},
	{name: "alloc", path: "/alloc?kb=64", want: "alloc 64\n"},
	{name: "alloc too much", path: "/alloc?kb=99999999999999999999", status: 400, match: "^kb: "},
	{name: "leak", path: "/leak?kb=8", worker: true, match: `^leak \d+\n$`},
	{name: "leak below nothing", path: "/leak?kb=-8", status: 400, match: "^kb: "},
	{name: "unknown", path: "/nowhere", status: 404, want: "not found\n"},
	{name: "below a path", path: "/hello/", status: 404, want: "not found\n"},
	{name: "panic without faults", path: "/panic", status: 404, want: "not found\n"},
	{name: "exit without faults", path: "/exit", status: 404, want: "not found\n"},
	{name: "crash without faults", path: "/crash", status: 404, want: "not found\n"},
	{name: "hang without faults", path: "/hang", status: 404, want: "not found\n"},
}

// check asks for every path, by GET or as the case says and then by HEAD.
func check(t *testing.T, c *client, worker bool, identity *regexp.Regexp) {
	for _, a := range answers {
		if a.worker && !worker {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			c := &client{t, c.http, c.base}
			method, status := a.method, a.status
			if method == "" {
				method = "GET"
			}
			if status == 0 {
				status = 200
			}
			response, body := c.do(method, a.path, a.body, a.header...)
			if response.StatusCode != status {
				t.Errorf("status %d, not %d", response.StatusCode, status)
			}
			if a.match != "" {
				if !regexp.MustCompile(a.match).MatchString(body) {
					t.Errorf("body %.600q does not match %q", body, a.match)
				}
			} else if body != a.want {
				t.Errorf("body %.200q, not %.200q", body, a.want)
			}
			for name, value := range a.fields {
				if got := response.Header.Get(name); got != value {
					t.Errorf("%s: %q, not %q", name, got, value)
				}
			}
			if id := response.Header.Get(workerHeader); !identity.MatchString(id) {
				t.Errorf("%s: %q", workerHeader, id)
			}
			if method != "GET" || a.match != "" {
				return // the answer names the method, or is not always the same
			}
			head, body := c.do("HEAD", a.path, "", a.header...)
			if body != "" || head.StatusCode != status {
				t.Errorf("HEAD: status %d, body %q", head.StatusCode, body)
			}
			for _, volatile := range []string{workerHeader, "Date", "X-Method"} {
				head.Header.Del(volatile)
				response.Header.Del(volatile)
			}
			if got, want := fmt.Sprint(head.Header), fmt.Sprint(response.Header); got != want && !strings.HasPrefix(a.path, "/digest") {
				t.Errorf("HEAD: %s, GET: %s", got, want)
			}
		})
	}
}

func TestAlone(t *testing.T) {
	check(t, alone(t, Options{}), false, regexp.MustCompile(`^emulate/0/0/0/0$`))
}

func TestCookiesAreTwo(t *testing.T) {
	response, _ := alone(t, Options{}).do("GET", "/cookies", "")
	if got := response.Header.Values("Set-Cookie"); len(got) != 2 || got[0] != "a=1" || got[1] != "b=2" {
		t.Errorf("%q", got)
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	for _, faults := range []bool{false, true} {
		_, page := alone(t, Options{Faults: faults}).do("GET", "/", "")
		for _, l := range faultLinks {
			if strings.Contains(page, `"`+l.path+`"`) != faults {
				t.Errorf("faults %v: %s", faults, l.path)
			}
		}
	}
	c := alone(t, Options{})
	for _, l := range links {
		if strings.HasPrefix(l.path, "/stream") || strings.HasPrefix(l.path, "/leak") {
			continue // need a worker; they are in the table
		}
		if response, _ := c.do("GET", l.path, ""); response.StatusCode >= 400 && l.path != "/status?c=404" {
			t.Errorf("%s: %d", l.path, response.StatusCode)
		}
	}
}

func TestLeakWithoutState(t *testing.T) {
	response, body := alone(t, Options{}).do("GET", "/leak?kb=1", "")
	if response.StatusCode != 500 || !strings.Contains(body, "demo.Init") {
		t.Errorf("%d %q", response.StatusCode, body)
	}
}

func TestHelloAllocatesNothing(t *testing.T) {
	handler := New(Options{})
	var ctx fasthttp.RequestCtx
	ctx.Request.SetRequestURI("/hello")
	if n := testing.AllocsPerRun(1000, func() {
		ctx.Response.Reset()
		handler(&ctx)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if !bytes.Equal(ctx.Response.Body(), []byte("hello\n")) {
		t.Errorf("%q", ctx.Response.Body())
	}
}

// FuzzQuery asks for paths with any query. None may panic or be answered by
// anything but the application.
func FuzzQuery(f *testing.F) {
	f.Add("/redirect", "to=/a%0d&c=301")
	f.Add("/sendfile", "path=%00&h=X-A%0a")
	f.Add("/headers", "n=1000&sz=4194")
	f.Add("/status", "c=%32%30%34")
	f.Add("/envsum", "prefix=%FF")
	handler := New(Options{})
	f.Fuzz(func(t *testing.T, path, query string) {
		switch path {
		case "/stream", "/leak", "/sleep", "/cpu", "/alloc", "/bytes":
			return // needs a worker, or takes the time and memory it is told to take
		}
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetRequestURI(path + "?" + query)
		handler(&ctx)
		var answer fasthttp.Response
		head := ctx.Response.Header.Header()
		if err := answer.Header.Read(bufio.NewReaderSize(bytes.NewReader(head), len(head)+16)); err != nil {
			t.Fatalf("%v in %.1000q", err, head)
		}
		if bytes.Count(head, []byte("\r\n\r\n")) != 1 {
			t.Fatalf("head ends twice: %.1000q", head)
		}
	})
}
