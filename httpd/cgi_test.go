//go:build unix

package httpd_test

import (
	"crypto/sha1"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// scripts makes a directory of scripts for the shell, by name.
func scripts(t *testing.T, list map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range list {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// serveCGI runs a server of CGI programs.
func serveCGI(t *testing.T, h httpd.Handler, c pool.Config, change func(*httpd.Server)) *server {
	t.Helper()
	return start(t, kind{"cgi", func(t *testing.T, s *httpd.Server) {
		s.Handler = h
		if change != nil {
			change(s)
		}
	}, true}, c)
}

// script is a server of one script.
func serveScript(t *testing.T, text string, c pool.Config) *server {
	t.Helper()
	return serveCGI(t, &httpd.CGIBin{Dir: scripts(t, map[string]string{"x": text})}, c, nil)
}

const plain = `printf 'Content-Type: text/plain\n\n'` + "\n"

func TestCGIProgram(t *testing.T) {
	path := filepath.Join(scripts(t, map[string]string{"program": plain + `pwd; echo "$#:$1:$2"; env | sort`}), "program")
	t.Setenv("HTTP_PROXY", "http://evil.example")
	t.Setenv("REMOTE_USER", "root")
	t.Setenv("FCGI_SOCKET_PATH", "/run/the-server")
	t.Setenv("FCGI_LISTEN_QUEUE", "9")
	t.Setenv("FCGI_LISTENSOCK_FILENO", "0")
	t.Setenv("INHERITED", "yes")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, clear := range []bool{false, true} {
		s := serveCGI(t, httpd.CGI(path, "a", "b c"), pool.Config{}, func(s *httpd.Server) {
			s.ClearEnv, s.Env = clear, []string{"OWN=1", "OWN=2", "SERVER_NAME=no", "FCGI_LISTEN_QUEUE=8"}
		})
		c := newClient(t, s.url)
		c.send(t, "GET /p%20q/r?s=t HTTP/1.1\r\nHost: example.com:81\r\nProxy: http://evil.example\r\nX-A: 1\r\nX-A: 2\r\n\r\n")
		resp := c.receive(t, "GET")
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp.Status, err)
		}
		lines := strings.Split(string(body), "\n")
		if lines[0] != here || lines[1] != "2:a:b c" {
			t.Errorf("%q", lines[:2])
		}
		for _, want := range []string{
			"PATH_INFO=/p q/r", "SCRIPT_NAME=", "QUERY_STRING=s=t", "SERVER_NAME=example.com", "SCRIPT_FILENAME=" + path,
			"GATEWAY_INTERFACE=CGI/1.1", "REMOTE_ADDR=127.0.0.1", "OWN=2", "FCGI_LISTEN_QUEUE=8", "REQUEST_URI=/p%20q/r?s=t", "HTTP_X_A=1, 2",
		} {
			if !slices.Contains(lines, want) {
				t.Errorf("no %q in %q", want, lines)
			}
		}
		if slices.Contains(lines, "INHERITED=yes") == clear {
			t.Errorf("clear %t: %q", clear, lines)
		}
		for _, line := range lines {
			for _, not := range []string{"HTTP_PROXY=", "REMOTE_USER=", "CONTENT_LENGTH=", "CONTENT_TYPE=", "FCGI_SOCKET_PATH=", "FCGI_LISTENSOCK_FILENO="} {
				if strings.HasPrefix(line, not) {
					t.Errorf("%q", line)
				}
			}
		}
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "PATH=/") }) {
			t.Errorf("no PATH: %q", lines)
		}
	}
}

// TestCGILongFields: what the system takes for no environment is 431.
func TestCGILongFields(t *testing.T) {
	s := serveCGI(t, &httpd.CGIBin{Dir: scripts(t, map[string]string{"x": plain + `echo "${#HTTP_X}"`})}, pool.Config{},
		func(s *httpd.Server) { s.Limits.MaxHeaderSize = 4 << 20 })
	c := newClient(t, s.url)
	for n, want := range map[int]string{100_000: "200 100000\n", 3_000_000: "431 request header fields too large\n"} {
		c.send(t, "GET /cgi-bin/x HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", n)+"\r\n\r\n")
		resp := c.receive(t, "GET")
		body, err := io.ReadAll(resp.Body)
		if got := fmt.Sprintf("%d %s", resp.StatusCode, body); got != want || err != nil {
			t.Errorf("%d octets: %q %v, expected %q", n, got, err, want)
		}
	}
}

func TestCGIBody(t *testing.T) {
	s := serveCGI(t, &httpd.CGIBin{Dir: scripts(t, map[string]string{
		"echo":   plain + "cat\n",
		"length": plain + `echo "$REQUEST_METHOD $CONTENT_LENGTH"; sha1sum` + "\n",
		"deaf":   plain + "echo ok\n",
	})}, pool.Config{}, nil)
	c := newClient(t, s.url)
	for _, n := range []int{0, 1, 4096, 4097, 65535, 65536, 1<<20 + 1, 10 << 20} {
		body := strings.Repeat("0123456789abcdef", n/16+1)[:n]
		for path, want := range map[string]string{
			"echo": body, "length": fmt.Sprintf("POST %d\n%x  -\n", n, sha1.Sum([]byte(body))), "deaf": "ok\n",
		} {
			status, text, err := c.do("POST", "/cgi-bin/"+path, body)
			if err != nil || status != 200 || text != want {
				t.Errorf("%s with %d octets: %d, %d octets, %v", path, n, status, len(text), err)
			}
		}
	}
	c.send(t, "POST /cgi-bin/length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	if text, _ := io.ReadAll(c.receive(t, "POST").Body); string(text) != fmt.Sprintf("POST 3\n%x  -\n", sha1.Sum([]byte("abc"))) {
		t.Errorf("in chunks: %q", text)
	}
}

func TestCGIBinPaths(t *testing.T) {
	show := plain + `echo "$SCRIPT_NAME|$PATH_INFO|$(pwd)|$SCRIPT_FILENAME|$QUERY_STRING|$#"` + "\n"
	dir := scripts(t, map[string]string{
		"a": show, "sub/b.sh": show, "sub/index.cgi": show, "bare/c": show, ".hidden": show, ".git/hook": show,
		"plain": "no", "nph-x": show, "noexec/index.cgi": show,
	})
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(scripts(t, map[string]string{"evil": show}), "evil")
	for from, to := range map[string]string{"in": "sub/b.sh", "up": "../" + filepath.Base(filepath.Dir(outside)), "out": outside, "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"plain", "noexec/index.cgi"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	answer := func(name, info, in, file, query string) string {
		return strings.Join([]string{name, info, filepath.Join(dir, in), filepath.Join(dir, file), query, "0"}, "|") + "\n"
	}
	tests := map[string]struct {
		path   string
		status int
		body   string
	}{
		"script":            {"/cgi-bin/a", 200, answer("/cgi-bin/a", "", "", "a", "")},
		"path info":         {"/cgi-bin/a/x/y?q", 200, answer("/cgi-bin/a", "/x/y", "", "a", "q")},
		"slash":             {"/cgi-bin/a/", 200, answer("/cgi-bin/a", "/", "", "a", "")},
		"dots in path info": {"/cgi-bin/a/.x", 200, answer("/cgi-bin/a", "/.x", "", "a", "")},
		"below":             {"/cgi-bin/sub/b.sh/x", 200, answer("/cgi-bin/sub/b.sh", "/x", "sub", "sub/b.sh", "")},
		"index":             {"/cgi-bin/sub/", 200, answer("/cgi-bin/sub/index.cgi", "", "sub", "sub/index.cgi", "")},
		"index, no slash":   {"/cgi-bin/sub", 200, answer("/cgi-bin/sub/index.cgi", "", "sub", "sub/index.cgi", "")},
		"link inside":       {"/cgi-bin/in", 200, answer("/cgi-bin/in", "", "", "in", "")},
		"encoded":           {"/cgi-bin/%61%2fx", 200, answer("/cgi-bin/a", "/x", "", "a", "")},
		"options in query":  {"/cgi-bin/a?-s+-d", 200, answer("/cgi-bin/a", "", "", "a", "-s+-d")},
		"dots":              {"/cgi-bin/sub/../a", 200, answer("/cgi-bin/a", "", "", "a", "")},
		"no index":          {"/cgi-bin/bare/", 403, "forbidden\n"},
		"directory":         {"/cgi-bin/", 403, "forbidden\n"},
		"not executable":    {"/cgi-bin/plain", 403, "forbidden\n"},
		"index not":         {"/cgi-bin/noexec/", 403, "forbidden\n"},
		"not there":         {"/cgi-bin/nothing", 404, "not found\n"},
		"behind nothing":    {"/cgi-bin/nothing/x", 404, "not found\n"},
		"hidden":            {"/cgi-bin/.hidden", 404, "not found\n"},
		"hidden directory":  {"/cgi-bin/.git/hook", 404, "not found\n"},
		"link out":          {"/cgi-bin/out", 404, "not found\n"},
		"link up":           {"/cgi-bin/up/evil", 404, "not found\n"},
		"loop":              {"/cgi-bin/loop", 404, "not found\n"},
		"outside":           {"/cgi-bin/../../etc/passwd", 404, "not found\n"},
		"outside, encoded":  {"/cgi-bin/%2e%2e/%2e%2e/etc/passwd", 404, "not found\n"},
		"NUL":               {"/cgi-bin/a%00b", 404, "not found\n"},
		"NUL behind":        {"/cgi-bin/a/x%00b", 404, "not found\n"},
		"elsewhere":         {"/a", 404, "not found\n"},
		"without slash":     {"/cgi-bin", 404, "not found\n"},
		"long":              {"/cgi-bin/" + strings.Repeat("x", 5000), 404, "not found\n"},
		"nph":               {"/cgi-bin/nph-x", 500, "internal server error\n"},
	}
	j := newJournal()
	s := serveCGI(t, &httpd.CGIBin{Dir: dir}, pool.Config{}, func(s *httpd.Server) {
		s.Log = slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelInfo}))
	})
	c := newClient(t, s.url)
	for name, test := range tests {
		status, body, err := c.get(test.path)
		if err != nil || status != test.status || body != test.body {
			t.Errorf("%s: GET %s: %d %q %v, expected %d %q", name, test.path, status, body, err, test.status, test.body)
		}
	}
	for _, link := range []string{"out", "up", "loop"} {
		j.await(t, "no CGI program", "/cgi-bin/"+link)
	}
	s = serveCGI(t, &httpd.CGIBin{Dir: dir, Prefix: "/"}, pool.Config{}, nil)
	if body := newClient(t, s.url).must(t, "/a/x"); body != answer("/a", "/x", "", "a", "") {
		t.Errorf("%q", body)
	}
}

// TestCGIAnswers asks programs for what they may do, and what they should not.
func TestCGIAnswers(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	tests := map[string]struct {
		script string
		status int
		body   string
		cut    bool // the client notices that the answer is not whole
	}{
		"status":               {script: `printf 'Status: 418 Teapot\n\nshort\n'`, status: 418, body: "short\n"},
		"length":               {script: `printf 'Content-Length: 3\n\nabc'`, status: 200, body: "abc"},
		"long":                 {script: plain + `head -c 100000 /dev/zero | tr '\0' x`, status: 200, body: long},
		"streamed":             {script: plain + `echo a; sleep 0.1; echo b`, status: 200, body: "a\nb\n"},
		"exit 3 after it":      {script: plain + `echo a; exit 3`, status: 200, body: "a\n"},
		"killed after it":      {script: `printf 'Content-Length: 1\n\na'; kill -KILL $$`, status: 200, body: "a"},
		"stderr":               {script: `head -c 200000 /dev/zero >&2; ` + plain + `echo a`, status: 200, body: "a\n"},
		"stderr held":          {script: plain + `echo a; sleep 1000 >/dev/null &`, status: 200, body: "a\n"},
		"stdout held":          {script: plain + `echo a; sleep 1000 2>/dev/null &`, status: 200, body: "a\n"},
		"stdout handed on":     {script: plain + `echo a; (sleep 0.3; echo b) &`, status: 200, body: "a\nb\n"},
		"session of its own":   {script: plain + `echo a; setsid sleep 20 &`, status: 200, body: "a\n"},
		"stdout closed early":  {script: plain + `echo a; exec >&-; sleep 0.3`, status: 200, body: "a\n"},
		"goes on for ever":     {script: plain + `echo a; exec >&- 2>&-; sleep 1000`, status: 200, body: "a\n"},
		"and does not listen":  {script: plain + `echo a; trap "" TERM; exec >&- 2>&-; while :; do sleep 1000; done`, status: 200, body: "a\n"},
		"nothing":              {script: ``, status: 502, body: "bad gateway\n"},
		"nothing, exit 1":      {script: `exit 1`, status: 502, body: "bad gateway\n"},
		"nothing, killed":      {script: `kill -SEGV $$`, status: 502, body: "bad gateway\n"},
		"only stderr":          {script: `echo oops >&2`, status: 502, body: "bad gateway\n"},
		"half a head":          {script: `printf 'Content-Type: text/plain\n'`, status: 502, body: "bad gateway\n"},
		"no head":              {script: `echo hello; echo; echo there`, status: 502, body: "bad gateway\n"},
		"endless head":         {script: `while :; do echo 'A: b'; done`, status: 502, body: "bad gateway\n"},
		"too short":            {script: `printf 'Content-Length: 10\n\nabc'`, status: 502, body: "bad gateway\n"},
		"too long":             {script: `printf 'Content-Length: 2\n\nabc'`, status: 502, body: "bad gateway\n"},
		"short stream":         {script: `printf 'Content-Length: 10\n\nabc'; sleep 0.1`, status: 200, body: "abc", cut: true},
		"killed in the middle": {script: plain + `echo a; sleep 0.1; kill -KILL $$`, status: 200, body: "a\n", cut: true},
		"killed at once":       {script: plain + `echo a; kill -KILL $$`, status: 502, body: "bad gateway\n"},
		"no interpreter":       {script: "\x00", status: 502, body: "bad gateway\n"},
	}
	list := make(map[string]string)
	for name, test := range tests {
		list[name] = test.script
	}
	dir := scripts(t, list)
	if err := os.WriteFile(filepath.Join(dir, "no interpreter"), []byte("#!/does/not/exist\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := serveCGI(t, &httpd.CGIBin{Dir: dir}, pool.Config{MaxServers: 4, Concurrency: 2}, nil)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, err := http.Post(s.url+"/cgi-bin/"+strings.ReplaceAll(name, " ", "%20"), "", strings.NewReader(long))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if test.cut && resp.StatusCode == 502 && err == nil {
				return // nothing had been sent yet
			}
			if resp.StatusCode != test.status || string(body) != test.body || (err != nil) != test.cut {
				t.Errorf("%s %.100q %v", resp.Status, body, err)
			}
		})
	}
}
