package httpd_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// logged makes a kind write an access log.
func logged(t *testing.T, k kind, format string) (kind, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "access.log")
	return k.with(func(s *httpd.Server) { s.AccessLog, s.AccessLogFormat = path, format }), path
}

// lines are the lines of a log, the last of which has its end.
func lines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 {
		return nil
	}
	if b[len(b)-1] != '\n' {
		t.Errorf("the last line is not whole: %q", b)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// exchanged sends a request on a connection of its own and reads all that comes.
func exchanged(t *testing.T, s *server, request string) string {
	t.Helper()
	c := dialed(t, s.url)
	c.push(request)
	answer, _ := io.ReadAll(c.r)
	c.close()
	return string(answer)
}

// TestAccessLog: every answered request has its line, whoever has answered it.
func TestAccessLog(t *testing.T) {
	const end = " HTTP/1.1\r\nHost: test.example:80\r\nConnection: close\r\n"
	requests := []struct {
		name, request string
		line          string // without totals
	}{
		{"whole", "POST /echo?a=b" + end + "Content-Length: 4\r\n\r\nbody", "POST /echo ?a=b 200 4 - 0 worker - test.example"},
		{"HEAD", "HEAD /pid" + end + "\r\n", "HEAD /pid  200 0 - 0 worker - test.example"},
		{"chunks", "POST /echo" + end + "Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n", "POST /echo  200 4 - 0 worker - test.example"},
		{"stream", "GET /stream" + end + "\r\n", "GET /stream  200 24 - 0 worker - test.example"},
		{"cut", "GET /cut" + end + "\r\n", "GET /cut  200 14 X 0 worker - test.example"},
		{"panic", "GET /panic" + end + "\r\n", "GET /panic  500 22 - 0 worker - test.example"},
		{"absolute form", "GET http://other.example/none" + end + "\r\n", "GET http://other.example/none  404 10 - 0 worker - other.example"},
		{"400", "GET /x\" HTTP/1.1\r\n\r\n", `GET /x\"  400`},
		{"no Host", "GET /x HTTP/1.1\r\n\r\n", "GET /x  400"},
		{"TLS", "\x16\x03\x01\x00\xee", `\x16\x03\x01\x00\xee -  400`},
		{"413", "POST /echo" + end + "Content-Length: 100000\r\n\r\n", "POST /echo  413"},
		{"431", "GET /x" + end + "X: " + strings.Repeat("x", 20_000) + "\r\n\r\n", "GET /x  431"},
		{"asterisk", "OPTIONS *" + end + "\r\n", "OPTIONS *  200 0 - 0 - - test.example"},
	}
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		k, path := logged(t, k, `%m %U %q %>s %B %X %k %{slot}W %{pid}W %{served}W %{shed}W %V|%I %O %D %{queue_us}W %a %p %{Referer}i %{Content-Type}o`)
		s := start(t, k.with(func(s *httpd.Server) {
			s.Limits.MaxBodySize, s.Limits.MaxHeaderSize = 50_000, 16<<10
		}), pool.Config{MaxRequests: pool.NoLimit})
		answers := make([]string, len(requests))
		for i, r := range requests {
			answers[i] = exchanged(t, s, r.request)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		got := lines(t, path)
		worker := regexp.MustCompile(` [0-9]+ [0-9]+ [0-9]+ - `)
		for i, r := range requests {
			// Children write the lines of their own; so the order may be another.
			n := slices.IndexFunc(got, func(line string) bool {
				line, totals, _ := strings.Cut(line, "|")
				line = worker.ReplaceAllString(strings.ReplaceAll(line, " - - - ", " - "), " worker - ")
				var in, out, micros, queue int
				var client, rest string
				fmt.Sscan(totals, &in, &out, &micros, &queue, &client, &rest)
				whole := len(strings.Fields(r.line)) > 5
				return strings.HasPrefix(line, r.line) && (!whole || line == r.line && in == len(r.request) && out == len(answers[i])) &&
					micros >= queue && client == "127.0.0.1"
			})
			if n < 0 {
				t.Errorf("%s: no line with %q, %d octets in and %d out, answer %.40q, in\n%s",
					r.name, r.line, len(r.request), len(answers[i]), answers[i], strings.Join(got, "\n"))
				continue
			}
			got = slices.Delete(got, n, n+1)
		}
		if len(got) > 0 {
			t.Errorf("left over:\n%s", strings.Join(got, "\n"))
		}
	})
}

// TestAccessLogKept: requests of one connection, one after another and pipelined.
func TestAccessLogKept(t *testing.T) {
	each(t, kinds[:5], func(t *testing.T, k kind) {
		k, path := logged(t, k, `%k %X %s`)
		s := start(t, k, pool.Config{MaxRequests: pool.NoLimit})
		c := dialed(t, s.url)
		const request = "GET /none HTTP/1.1\r\nHost: t\r\n\r\n"
		c.push(request)
		if r, err := c.read("GET"); err != nil || r.StatusCode != 404 {
			t.Fatal(r, err)
		}
		c.push(request + request + "GET /none HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
		for range 3 {
			if r, err := c.read("GET"); err != nil || r.StatusCode != 404 {
				t.Fatal(r, err)
			}
		}
		c.over(t)
		s.stop()
		if got := lines(t, path); !slices.Equal(got, []string{"0 + 404", "1 + 404", "2 + 404", "3 - 404"}) {
			t.Errorf("%q", got)
		}
	})
}

// TestAccessLogShed: requests that no worker has had, and those that were given up.
func TestAccessLogShed(t *testing.T) {
	each(t, queueKinds(), func(t *testing.T, k kind) {
		k, path := logged(t, k, `json`)
		s, d := start(t, k, pool.Config{MaxServers: 1, QueueSize: 1, QueueTimeout: 100 * time.Millisecond}), conduct(t)
		warm(t, s)
		first, p := hold(t, s, d)
		late := newClient(t, s.url)
		late.send(t, "GET /late HTTP/1.1\r\nHost: test\r\n\r\n")
		answered(t, late, 503, "")
		p.cue("on")
		answered(t, first, 200, "")
		s.stop()
		seen := false
		for _, line := range lines(t, path) {
			var e map[string]any
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if e["target"] == "/late" {
				seen = true
				if e["shed"] != "queue-timeout" || e["slot"] != -1.0 || e["status"] != 503.0 || e["queue_us"].(float64) < 100_000 {
					t.Errorf("%s", line)
				}
			} else if e["shed"] != "" || e["slot"] == -1.0 {
				t.Errorf("%s", line)
			}
		}
		if !seen {
			t.Error("no line for the request that was shed")
		}
	})
}

// TestAccessLogAbandoned: a handler that is given up has its request logged with
// the worker and the fields that it came with.
func TestAccessLogAbandoned(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		k, path := logged(t, k, `%m %U %s %X %{slot}W %{shed}W %{Referer}i %{User-Agent}i`)
		s := start(t, k, pool.Config{RequestTimeout: 50 * time.Millisecond, MaxRequests: pool.NoLimit})
		c := newClient(t, s.url)
		c.send(t, "GET /sleep?ms=500 HTTP/1.1\r\nHost: test\r\nReferer: here\r\nUser-Agent: me\r\n\r\n")
		if resp := c.receive(t, "GET"); resp.StatusCode != 504 {
			t.Fatal(resp)
		}
		s.stop()
		for _, line := range lines(t, path) {
			if !regexp.MustCompile(`^GET /sleep 504 - [0-9]+ - here me$`).MatchString(line) {
				t.Errorf("%q", line)
			}
		}
	})
}

// TestAccessLogTaken: connections that handlers take are 101, with and without a
// head of the front's.
func TestAccessLogTaken(t *testing.T) {
	each(t, webKinds(), func(t *testing.T, k kind) {
		k, path := logged(t, k, `%s %X %U %{User-Agent}i`)
		s := start(t, k, pool.Config{})
		c := newClient(t, s.url)
		c.send(t, "GET /hijack HTTP/1.1\r\nHost: test\r\nUser-Agent: me\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		if resp := c.receive(t, "GET"); resp.StatusCode != 101 {
			t.Fatal(resp)
		}
		c.send(t, "line\n")
		if line, err := c.r.ReadString('\n'); line != "echo line\n" {
			t.Fatalf("%q %v", line, err)
		}
		c.close()
		s.stop()
		if got := lines(t, path); !slices.Equal(got, []string{"101 - /hijack me"}) {
			t.Errorf("%q", got)
		}
	})
}

// TestAccessLogAborted: a client that leaves in the middle of an answer.
func TestAccessLogAborted(t *testing.T) {
	each(t, probeHandlerKinds(), func(t *testing.T, k kind) {
		k, path := logged(t, k, `%s %X %B`)
		s := start(t, k, pool.Config{})
		c := newClient(t, s.url)
		const size = 64 << 20 // more than sockets take
		c.send(t, fmt.Sprintf("GET /big?n=%d HTTP/1.1\r\nHost: test\r\n\r\n", size))
		if resp := c.receive(t, "GET"); resp.StatusCode != 200 {
			t.Fatal(resp)
		}
		c.close()
		s.stop()
		var sent int64
		got := lines(t, path)
		if len(got) != 1 {
			t.Fatalf("%q", got)
		}
		if n, err := fmt.Sscanf(got[0], "200 X %d", &sent); n != 1 || sent < 0 || sent >= size {
			t.Errorf("%q: %v", got[0], err)
		}
	})
}

// TestAccessLogReopened: nothing is lost and nothing is torn when the log is renamed
// and reopened again and again under load, also by children that come and go.
func TestAccessLogReopened(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		k, path := logged(t, k, `%U`)
		s := start(t, k.with(func(s *httpd.Server) { s.Admin = "http://127.0.0.1:0" }), pool.Config{MaxRequests: 500})
		const clients, each = 4, 500
		var load sync.WaitGroup
		var mu sync.Mutex
		asked := make(map[string]bool)
		for i := range clients {
			load.Go(func() {
				c := newClient(t, s.url)
				for n := range each {
					what := fmt.Sprintf("/none/%d/%d", i, n)
					if status, _, err := c.get(what); err != nil || status != 404 {
						t.Errorf("%s: %d %v", what, status, err)
						return
					}
					mu.Lock()
					asked[what] = true
					mu.Unlock()
				}
			})
		}
		over := make(chan struct{})
		go func() {
			load.Wait()
			close(over)
		}()
		files := []string{path}
		for rotate := true; rotate; {
			select {
			case <-over:
				rotate = false
			case <-time.After(5 * time.Millisecond): // a pace, not a wait
			}
			old := fmt.Sprintf("%s.%d", path, len(files))
			if err := os.Rename(path, old); err != nil {
				t.Fatal(err)
			}
			files = append(files, old)
			resp, err := http.Post(s.AdminAddr()+"/ctl/reopen-logs", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("reopen-logs: %d %s", resp.StatusCode, b)
			}
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		count := make(map[string]int)
		for _, f := range files {
			for _, line := range lines(t, f) {
				count[line]++
			}
		}
		if len(files) < 4 || len(asked) != clients*each {
			t.Fatalf("%d files, %d requests", len(files), len(asked))
		}
		missing := 0
		for what := range asked {
			if count[what] != 1 {
				missing++
			}
			delete(count, what)
		}
		if missing > 0 || len(count) > 0 {
			t.Errorf("%d requests have not exactly one line; %d lines beside: %v", missing, len(count), count)
		}
	})
}

// TestAccessLogFaults: what is wrong is said before anything listens.
func TestAccessLogFaults(t *testing.T) {
	s := &httpd.Server{Handler: httpd.Fast(suiteHandler), AccessLog: "-", AccessLogFormat: "%f"}
	if err := s.Validate(); !errors.Is(err, httpd.ErrConfig) || !strings.Contains(err.Error(), "AccessLogFormat") {
		t.Errorf("a format that cannot be: %v", err)
	}
	s = &httpd.Server{Handler: httpd.Fast(suiteHandler), SlowRequest: -1}
	if err := s.Validate(); !errors.Is(err, httpd.ErrConfig) {
		t.Errorf("a negative SlowRequest: %v", err)
	}
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		s := &httpd.Server{
			Name: suiteName, Listen: []string{"http://127.0.0.1:0"},
			AccessLog: filepath.Join(t.TempDir(), "none", "access.log"),
		}
		k.make(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		err := s.Run(ctx)
		if !errors.Is(err, os.ErrNotExist) || errors.Is(err, httpd.ErrListen) || !strings.Contains(err.Error(), "AccessLog") {
			t.Errorf("a log in a directory that does not exist: %v", err)
		}
	})
}
