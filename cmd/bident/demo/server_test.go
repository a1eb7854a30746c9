package demo

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// server is one with the application, in emulate mode.
func server(o Options, c pool.Config) *httpd.Server {
	return &httpd.Server{
		Listen:  []string{"http://127.0.0.1:0"},
		Handler: httpd.Fast(New(o)),
		Hooks:   httpd.Hooks{WorkerInit: Init},
		Pool:    c,
		Log:     slog.New(slog.DiscardHandler),
	}
}

// serve runs the application in emulate mode until the test ends.
func serve(t *testing.T, o Options, c pool.Config) *client {
	t.Helper()
	return run(t, server(o, c), o.Faults)
}

// run runs a server until the test ends. A handler that hangs, which cannot be
// ended, is only there if it was asked for.
func run(t *testing.T, s *httpd.Server, hangs bool) *client {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-over; err != nil && !(hangs && errors.Is(err, pool.ErrNotClean)) {
			t.Error(err)
		}
	})
	select {
	case <-s.Ready():
	case err := <-over:
		over <- err
		t.FailNow()
	}
	return newClient(t, s.Addrs()[0], nil)
}

// one is a pool of one worker with one lane, that lives for ever: as long as it
// is busy, nobody else is answered.
var one = pool.Config{MaxServers: 1, MaxRequests: pool.NoLimit}

func TestServer(t *testing.T) {
	check(t, serve(t, Options{}, one), true, regexp.MustCompile(`^emulate/0/\d+/1/[1-9]\d*$`))
}

func TestServedCountsUp(t *testing.T) {
	c := serve(t, Options{}, one)
	for _, want := range []string{" served=1\n", " served=2\n"} {
		response, body := c.do("GET", "/pid", "")
		id := strings.Split(response.Header.Get(workerHeader), "/")
		if !strings.HasSuffix(body, want) || body != "pid="+id[2]+" served="+id[4]+"\n" {
			t.Errorf("%q by %q", body, id)
		}
	}
}

func TestStreamHasNoLength(t *testing.T) {
	c := serve(t, Options{}, one)
	for _, method := range []string{"GET", "HEAD"} {
		response, _ := c.do(method, "/stream?n=2&ms=0", "")
		if response.ContentLength != -1 || response.Header.Get("Content-Length") != "" {
			t.Errorf("%s: Content-Length %d", method, response.ContentLength)
		}
	}
	if response, _ := c.do("HEAD", "/bytes?n=1073741824", ""); response.ContentLength != 1<<30 {
		t.Errorf("Content-Length %d", response.ContentLength)
	}
}

// TestHeadIsAllThereIs: nothing follows the answer to HEAD but the next answer,
// octet for octet.
func TestHeadIsAllThereIs(t *testing.T) {
	c := serve(t, Options{}, one)
	for _, path := range []string{"/hello", "/stream?n=2&ms=0", "/bytes?n=1000000", "/echo"} {
		conn := dial(t, c.base)
		if _, err := io.WriteString(conn, "HEAD "+path+" HTTP/1.1\r\nHost: demo\r\n\r\n"+
			"GET /hello HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(all), "\r\n\r\n")
		if !strings.HasPrefix(rest, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(rest, "\r\n\r\nhello\n") {
			t.Errorf("%s: %q", path, rest)
		}
	}
}

// bare asks for a path with the shortest request there is, and returns all of
// the answer.
func bare(t *testing.T, base, path string) string {
	t.Helper()
	conn := dial(t, base)
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

func TestBareRequest(t *testing.T) {
	c := serve(t, Options{}, one)
	if all := bare(t, c.base, "/hello"); !strings.HasSuffix(all, "\r\n\r\nhello\n") {
		t.Errorf("%q", all)
	}
	if all := bare(t, c.base, "/env"); !strings.Contains(all, "\nREQUEST_METHOD=GET\n") || strings.Contains(all, "\nHTTP_") {
		t.Errorf("%q", all)
	}
}

func TestLeakLastsForTheWorker(t *testing.T) {
	c := serve(t, Options{}, pool.Config{MaxServers: 1, MaxRequests: 2})
	for _, want := range []string{"leak 3\n", "leak 7\n", "leak 3\n", "leak 7\n"} {
		kb := map[string]string{"leak 3\n": "3", "leak 7\n": "4"}[want]
		if _, body := c.do("GET", "/leak?kb="+kb, ""); body != want {
			t.Errorf("%q, not %q", body, want)
		}
	}
}

// TestNothingIsLeftRunning has clients leave in the middle of what would take an
// hour, and then wants an answer from the only lane.
func TestNothingIsLeftRunning(t *testing.T) {
	c := serve(t, Options{}, one)
	for _, path := range []string{
		"/stream?n=1000000&ms=3600000",
		"/stream?n=1000000&ms=0&sz=1048576",
		"/bytes?n=1073741824",
		"/sleep?ms=3600000",
		"/cpu?ms=3600000",
	} {
		t.Run(path, func(t *testing.T) {
			leave(t, c.base, path)
			if _, body := (&client{t, c.http, c.base}).do("GET", "/hello", ""); body != "hello\n" {
				t.Errorf("%q", body)
			}
		})
	}
}

// dial connects to a server.
func dial(t *testing.T, base string) net.Conn {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// leave asks for a path and closes the connection: after the first line of a
// streamed answer, at once otherwise.
func leave(t *testing.T, base, path string) {
	t.Helper()
	conn := dial(t, base)
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: demo\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(path, "/stream") && !strings.HasPrefix(path, "/bytes") {
		return
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(response.Body, make([]byte, len("chunk 0\n"))); err != nil {
		t.Fatal(err)
	}
}

func TestPanicIsAnswered(t *testing.T) {
	c := serve(t, Options{Faults: true}, one)
	if response, _ := c.do("GET", "/panic", ""); response.StatusCode != 500 {
		t.Errorf("status %d", response.StatusCode)
	}
	if _, body := c.do("GET", "/hello", ""); body != "hello\n" {
		t.Errorf("%q", body)
	}
}

func TestHangIsAbandoned(t *testing.T) {
	c := serve(t, Options{Faults: true}, pool.Config{
		MaxServers: 1, MaxRequests: pool.NoLimit,
		RequestTimeout: 50 * time.Millisecond, DieTimeout: 50 * time.Millisecond,
	})
	if response, _ := c.do("GET", "/hang", ""); response.StatusCode != 504 {
		t.Errorf("status %d", response.StatusCode)
	}
	if _, body := c.do("GET", "/hello", ""); body != "hello\n" {
		t.Errorf("%q", body)
	}
}
