package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// page is one of the demonstration application's, and how to ask for it.
type page struct {
	method, target, body string
	// same makes of two answers what must be the same of them, if that is not all.
	same func(body string) string
}

var digits = regexp.MustCompile(`[0-9]+`)

// numberless is for pages that say which worker has made them.
func numberless(body string) string { return digits.ReplaceAllString(body, "N") }

// requestOnly keeps the variables that are the request's own and not those of the web
// server it has come through.
func requestOnly(body string) string {
	var kept []string
	for line := range strings.SplitSeq(body, "\n") {
		name, value, _ := strings.Cut(line, "=")
		switch name {
		case "REQUEST_METHOD", "REQUEST_URI", "QUERY_STRING", "CONTENT_LENGTH", "CONTENT_TYPE", "GATEWAY_INTERFACE", "SERVER_PROTOCOL", "HTTP_X_ONE":
			if value != "" {
				kept = append(kept, line)
			}
		}
	}
	return strings.Join(kept, "\n")
}

// pages are all that the application has without faults.
var pages = []page{
	{"GET", "/", "", numberless}, {"GET", "/hello", "", nil}, {"HEAD", "/hello", "", nil}, {"GET", "/hello?a=b&c=%2f", "", nil},
	{"POST", "/echo", "an octet \x00 or two", nil}, {"PUT", "/echo", "", nil}, {"GET", "/echo", "", nil},
	{"POST", "/digest", "body", nil}, {"DELETE", "/digest", "", nil}, {"PATCH", "/digest", "x", nil}, {"GET", "/digest", "", nil},
	{"GET", "/env?a=b%20c&d", "", requestOnly}, {"POST", "/env", "body", requestOnly}, {"GET", "/envsum?prefix=HTTP_X_", "", nil},
	{"GET", "/status?c=200", "", nil}, {"GET", "/status?c=201", "", nil}, {"GET", "/status?c=204", "", nil}, {"GET", "/status?c=304", "", nil},
	{"GET", "/status?c=400", "", nil}, {"GET", "/status?c=404", "", nil}, {"GET", "/status?c=418", "", nil}, {"GET", "/status?c=500", "", nil},
	{"GET", "/status?c=503", "", nil}, {"GET", "/status?c=599", "", nil}, {"HEAD", "/status?c=404", "", nil},
	{"GET", "/redirect?to=/hello", "", nil}, {"GET", "/redirect?to=https://example.org/x%3fy&c=301", "", nil}, {"GET", "/redirect?to=/&c=307", "", nil},
	{"GET", "/stream?n=5&ms=1", "", nil}, {"GET", "/stream?n=20&ms=0&sz=10000", "", nil}, {"GET", "/stream?n=0", "", nil}, {"HEAD", "/stream?n=2", "", nil},
	{"GET", "/bytes?n=0", "", nil}, {"GET", "/bytes?n=1", "", nil}, {"GET", "/bytes?n=65535", "", nil}, {"GET", "/bytes?n=65536", "", nil},
	{"GET", "/bytes?n=10485760", "", nil}, {"HEAD", "/bytes?n=65536", "", nil},
	{"GET", "/headers?n=3&sz=10", "", nil}, {"GET", "/headers?n=32&sz=2000", "", nil}, {"GET", "/cookies", "", nil},
	{"GET", "/stderr?msg=m", "", nil}, {"GET", "/pid", "", numberless}, {"GET", "/sendfile?path=/p%20q&h=X-File", "", nil},
	{"GET", "/sleep?ms=1", "", nil}, {"GET", "/cpu?ms=1", "", nil}, {"GET", "/alloc?kb=1", "", nil}, {"GET", "/leak?kb=1", "", numberless},
	{"GET", "/panic", "", nil}, {"GET", "/exit?c=3", "", nil}, {"GET", "/crash", "", nil}, {"GET", "/hang", "", nil},
	{"GET", "/clock", "", nil}, {"GET", "/authz", "", nil}, {"GET", "/no/such%20page", "", nil}, {"POST", "/nowhere", "body", nil},
}

// browser is a client of one server.
type browser struct {
	base   string
	client *http.Client
}

// newBrowser makes one that keeps that many connections.
func newBrowser(t *testing.T, base string, conns int) *browser {
	transport := &http.Transport{MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns, DisableCompression: true}
	if path, ok := strings.CutPrefix(base, "http+unix://"); ok {
		base = "http://socket"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{base, &http.Client{Timeout: patience, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// get gives status, fields and body of an answer. The fields are those of the
// application: what web servers say of themselves and of connections is left out, and
// so is which worker it was.
func (b *browser) get(method, target string, body io.Reader, fields ...string) (status int, head string, text []byte, err error) {
	req, err := http.NewRequest(method, b.base+target, body)
	if err != nil {
		return 0, "", nil, err
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(resp.Body); err != nil {
		return resp.StatusCode, "", text, err
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		switch name {
		case "Date", "Server", "Connection", "Keep-Alive", "Content-Length", "Upgrade", "Vary":
		case "X-Bident-Worker":
			lines = append(lines, name)
		default:
			lines = append(lines, fmt.Sprintf("%s: %q", name, resp.Header[name]))
		}
	}
	return resp.StatusCode, strings.Join(lines, "\n"), text, nil
}

// comparePages asks for all pages here and there.
func comparePages(t *testing.T, direct, through *browser) {
	for _, p := range pages {
		fields := []string{"X-One", "1, 2", "X-Two", "2", "Content-Type", "text/x-test"}
		status, head, body, err := direct.get(p.method, p.target, strings.NewReader(p.body), fields...)
		if err != nil {
			t.Fatalf("%s %s: %v", p.method, p.target, err)
		}
		s, h, b, err := through.get(p.method, p.target, strings.NewReader(p.body), fields...)
		one, other := string(body), string(b)
		if p.same != nil {
			one, other = p.same(one), p.same(other)
		}
		if err != nil || s != status || h != head || one != other {
			t.Errorf("%s %s: %d, %d octets, %v, not %d, %d octets\n%.3000s\n%.500q\nnot\n%.3000s\n%.500q", p.method, p.target, s, len(b), err, status, len(body),
				h, other, head, one)
		}
	}
}

// compareBodies sends bodies of all sizes, with a length and in chunks.
func compareBodies(t *testing.T, through *browser) {
	for _, size := range []int{0, 1, 65535, 65536, 10 << 20} {
		body := make([]byte, size)
		for i := range body {
			body[i] = byte(i % 251)
		}
		for name, r := range map[string]io.Reader{"with a length": bytes.NewReader(body), "in chunks": io.MultiReader(bytes.NewReader(body))} {
			if s, _, b, err := through.get("POST", "/echo", r); err != nil || s != 200 || !bytes.Equal(b, body) {
				t.Errorf("%d octets %s: %d, %d octets, %v", size, name, s, len(b), err)
			}
		}
	}
}

// compareHeads sends 64 KiB of fields.
func compareHeads(t *testing.T, direct, through *browser) {
	var fields []string
	for i := range 63 {
		fields = append(fields, fmt.Sprintf("X-Long-%02d", i), strings.Repeat(string(rune('a'+i%26)), 1000))
	}
	_, _, want, err := direct.get("GET", "/envsum?prefix=HTTP_X_", nil, fields...)
	if err != nil || !bytes.HasPrefix(want, []byte("n=63 ")) {
		t.Fatalf("%q %v", want, err)
	}
	if s, _, got, err := through.get("GET", "/envsum?prefix=HTTP_X_", nil, fields...); err != nil || s != 200 || !bytes.Equal(got, want) {
		t.Errorf("64 KiB of fields: %d %q %v, not %q", s, got, err, want)
	}
}

// manyRequests sends 5,000 requests over one connection, pipelined in moderation.
func manyRequests(t *testing.T, base string) {
	network, address := "tcp", strings.TrimPrefix(base, "http://")
	if path, ok := strings.CutPrefix(base, "http+unix://"); ok {
		network, address = "unix", path
	}
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		for i := range 5000 / 10 {
			if _, err := io.WriteString(c, strings.Repeat(fmt.Sprintf("GET /hello?%d HTTP/1.1\r\nHost: test\r\n\r\n", i), 10)); err != nil {
				return
			}
		}
	}()
	r := bufio.NewReader(c)
	for i := range 5000 {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 || string(text) != "hello\n" || resp.Close && i < 4999 {
			t.Fatalf("request %d: %s %q %v, close %t", i, resp.Status, text, err, resp.Close)
		}
	}
}

// manyClients are 500 at the same time.
func manyClients(t *testing.T, base string) {
	b := newBrowser(t, base, 500)
	var wait sync.WaitGroup
	for i := range 500 {
		wait.Go(func() {
			body := strings.Repeat(fmt.Sprintf("client %d ", i), 1+i)
			if s, _, got, err := b.get("POST", "/echo", strings.NewReader(body)); err != nil || s != 200 || string(got) != body {
				t.Errorf("client %d: %d, %d octets, %v", i, s, len(got), err)
			}
		})
	}
	wait.Wait()
}

// TestSamePage: a page is octet for octet the same over HTTP and over FastCGI through
// nginx and Apache, in both modes, and where children have the connections.
func TestSamePage(t *testing.T) {
	for _, k := range fcgiKinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			dir := shortDir(t)
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			socket := dir + "/fcgi"
			d := serveForTest(t, append([]string{"--listen=http://127.0.0.1:0", "--listen=fcgi+unix://" + socket, "--socket-mode=0666",
				"--max-header-size=128k", "--max-requests=0"}, k.flags...)...)
			d.errs = true // what is sent to the error stream
			for name, start := range fastcgiProxies {
				t.Run(name, func(t *testing.T) {
					base := start(t, socket)
					direct, through := newBrowser(t, d.urls[0], 1), newBrowser(t, base, 1)
					t.Run("pages", func(t *testing.T) { comparePages(t, direct, through) })
					t.Run("bodies", func(t *testing.T) { compareBodies(t, through) })
					t.Run("64 KiB of fields", func(t *testing.T) { compareHeads(t, direct, through) })
					if name != "nginx" { // which makes a connection for each
						t.Run("5000 requests", func(t *testing.T) { manyRequests(t, base) })
					}
					t.Run("500 clients", func(t *testing.T) { manyClients(t, base) })
				})
			}
		})
	}
}
