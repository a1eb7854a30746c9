package httpd_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// toSay is the path of a request that the program answers with these octets.
func saying(path, octets string) string { return path + "?a=" + url.QueryEscape(octets) }

// record of what a server logs.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logText) by(s *httpd.Server) { s.Log = slog.New(slog.NewTextHandler(l, nil)) }

// exchange sends a request over a connection of its own.
func exchange(t *testing.T, s *server, method, uri, fields, body string) (*http.Response, string) {
	t.Helper()
	c := newClient(t, s.url)
	if method == "POST" {
		fields += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	c.send(t, method+" "+uri+" HTTP/1.1\r\nHost: x\r\n"+fields+"\r\n"+body)
	resp := c.receive(t, method)
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", uri, err)
	}
	if err := c.conn.Close(); err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// TestLocalRedirect: RFC 3875, section 6.2.2.
func TestLocalRedirect(t *testing.T) {
	root := site(t, sources)
	var log logText
	s := startScripts(t, &httpd.Scripts{Root: root}, log.by)
	loop := saying("/app.php", "Location: /run.pl?a="+url.QueryEscape("Location: /app.php\n\n")+"\n\n")
	for range 3 { // nests: each is quoted once more
		loop = saying("/app.php", "Location: "+loop+"\n\n")
	}
	for _, x := range []struct {
		octets   string
		status   int
		text     string // of it
		location string
	}{
		{"Location: /style.css\n\n", 200, "css\n", ""},
		{"location:  /style.css?x \r\n\r\n", 200, "css\n", ""},
		{"Location: /app.php/x?y=z\n\n", 200, "PATH_INFO=/x\n", ""},
		{"Location: /app.php/x?y=z\n\n", 200, "QUERY_STRING=y=z\n", ""},
		{"Location: /app.php/x?y=z\n\n", 200, "REQUEST_METHOD=GET\n", ""},
		{"Location: /app.php/x?y=z\n\n", 200, "REQUEST_URI=/app.php/x?y=z\n", ""},
		{"Location: /app.php/x?y=z\n\n", 200, "HTTP_X_OWN=kept\n", ""},
		{"Location: /nope.php\n\n", 404, "Not Found\n", ""},
		{"Location: /../../etc/passwd\n\n", 200, "PATH_INFO=/etc/passwd\n", ""},
		{"Location: /blog\n\n", 301, "Moved Permanently\n", "/blog/"},
		{"Location: " + loop + "\n\n", 200, "", ""},
		{"Location: /a b\n\n", 502, "bad gateway\n", ""},
		{"Location: /a\x01b\n\n", 502, "bad gateway\n", ""},
		// For the client.
		{"Location: http://other.example/x\n\n", 302, "", "http://other.example/x"},
		{"Status: 302 Found\nLocation: /style.css\n\n", 302, "", "/style.css"},
		{"Location: /style.css\nContent-Type: text/html\n\n<p>", 302, "<p>", "/style.css"},
		{"Location: /style.css#x\n\n", 302, "", "/style.css#x"},
		{"Status: 301\nLocation: http://other.example/x\nX: y\n\nmoved", 301, "moved", "http://other.example/x"},
		{"Location: other\n\n", 302, "", "other"},
	} {
		resp, text := exchange(t, s, "POST", saying("/app.php", x.octets), "X-Own: kept\r\nContent-Type: a/b\r\n", "the body")
		if resp.StatusCode != x.status || !strings.Contains(text, x.text) || resp.Header.Get("Location") != x.location ||
			strings.Contains(text, "CONTENT_") || strings.Contains(text, "the body") {
			t.Errorf("%.60q: %d %q, location %q; want %d %q, %q", x.octets, resp.StatusCode, text, resp.Header.Get("Location"), x.status, x.text, x.location)
		}
	}
	if resp, text := exchange(t, s, "HEAD", saying("/app.php", "Location: /style.css\n\n"), "", ""); resp.StatusCode != 200 || resp.ContentLength != 4 || text != "" {
		t.Errorf("HEAD: %d, %d octets %q", resp.StatusCode, resp.ContentLength, text)
	}
	if strings.Contains(log.String(), "in a row") {
		t.Error("a short row of redirects counts as a long one")
	}
}

// TestRedirectLoop: a program that redirects to itself for ever is stopped.
func TestRedirectLoop(t *testing.T) {
	root := site(t, map[string]string{"app.php": ""})
	var log logText
	s := startScripts(t, &httpd.Scripts{Root: root, Script: root + "/app.php"}, log.by, func(s *httpd.Server) {
		s.Env = append(s.Env, loopVariable+"=1")
	})
	c := newClient(t, s.url)
	for range 2 {
		status, text, err := c.get("/loop")
		if err != nil || status != 502 || text != "bad gateway\n" {
			t.Errorf("%d %q %v", status, text, err)
		}
	}
	if !strings.Contains(log.String(), `request="GET /again"`) || !strings.Contains(log.String(), "11 of them in a row") {
		t.Errorf("the log says\n%s", log.String())
	}
}

func TestSendfile(t *testing.T) {
	root := site(t, sources)
	other := site(t, map[string]string{"report.pdf": "PDF", "script.php": "shown"})
	outside := site(t, map[string]string{"secret": "SOURCE"})
	if err := os.Symlink(outside+"/secret", root+"/link.txt"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, outside+"/way"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("app.php", root+"/script.txt"); err != nil {
		t.Fatal(err)
	}
	var log logText
	s := startScripts(t, &httpd.Scripts{Root: root, SendfileRoots: []string{other}}, log.by)
	for _, x := range []struct {
		octets, fields string
		status         int
		text, media    string
	}{
		{"X-Sendfile: " + root + "/style.css\n\nignored", "", 200, "css\n", "text/css; charset=utf-8"},
		{"X-Sendfile: " + root + "/style.css\nContent-Length: 7\n\nignored", "", 200, "css\n", "text/css; charset=utf-8"},
		{"X-Sendfile: " + root + "/style.css\n\n" + strings.Repeat("x", 20_000), "", 200, "css\n", "text/css; charset=utf-8"},
		{"Status: 201\nX-Sendfile: " + root + "/style.css\n\n", "", 201, "css\n", ""},
		{"X-Sendfile: " + root + "/style.css\nContent-Type: a/b\n\n", "Range: bytes=1-2\r\n", 206, "ss", "a/b"},
		{"X-Sendfile: " + root + "/style.css\n\n", "Range: bytes=9-\r\n", 416, "", ""},
		{"X-Sendfile: " + root + "/style.css\n\n", "If-None-Match: *\r\n", 304, "", ""},
		{"Status: 403\nX-Sendfile: " + root + "/style.css\n\n", "If-None-Match: *\r\nRange: bytes=0-0\r\n", 403, "css\n", "text/css; charset=utf-8"},
		{"X-Sendfile: " + other + "/report.pdf\n\n", "", 200, "PDF", "application/pdf"},
		{"X-Sendfile: " + other + "/script.php\n\n", "", 200, "shown", ""},
		{"X-Sendfile: " + outside + "/way/style.css\n\n", "", 200, "css\n", ""},
		{"X-Accel-Redirect: /style.css\n\n", "", 200, "css\n", ""},
		{"X-Accel-Redirect: /%73tyle.css?x\n\n", "", 200, "css\n", ""},
		{"X-Sendfile: " + root + "/app.php\n\n", "", 502, "", ""},
		{"X-Sendfile: " + root + "/.env\n\n", "", 502, "", ""},
		{"X-Sendfile: " + root + "/nope\n\n", "", 502, "", ""},
		{"X-Sendfile: " + root + "/blog\n\n", "", 502, "", ""},
		{"X-Sendfile: " + root + "\n\n", "", 502, "", ""},
		{"X-Sendfile: " + root + "/link.txt\n\n", "", 502, "", ""},
		{"X-Sendfile: " + root + "/../" + filepath.Base(outside) + "/secret\n\n", "", 502, "", ""},
		{"X-Sendfile: " + outside + "/secret\n\n", "", 502, "", ""},
		{"X-Sendfile: /etc/passwd\n\n", "", 502, "", ""},
		{"X-Sendfile: style.css\n\n", "", 502, "", ""},
		{"X-Sendfile:\n\n", "", 502, "", ""},
		{"X-Sendfile: " + root + "x/style.css\n\n", "", 502, "", ""},
		{"X-Accel-Redirect: /app.php\n\n", "", 502, "", ""},
		{"X-Accel-Redirect: /script.txt\n\n", "", 502, "", ""},
		{"X-Sendfile: " + root + "/script.txt\n\n", "", 502, "", ""},
		{"X-Accel-Redirect: /%23app.php%23\n\n", "", 502, "", ""},
		{"X-Sendfile: " + root + "/app.php copy\n\n", "", 502, "", ""},
		{"X-Accel-Redirect: /../secret\n\n", "", 502, "", ""},
		{"X-Accel-Redirect: /.env\n\n", "", 502, "", ""},
		{"X-Accel-Redirect: /link.txt\n\n", "", 502, "", ""},
		{"X-Accel-Redirect: /blog/\n\n", "", 502, "", ""},
	} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			if method != "GET" && x.fields != "" {
				continue // they are about GET
			}
			head, body, _ := strings.Cut(x.octets, "\n\n")
			resp, text := exchange(t, s, method, saying("/app.php", "Set-Cookie: a=1\nContent-Disposition: attachment\n"+head+"\n\n"+body), x.fields, "")
			status := x.status
			ok := resp.StatusCode == status
			switch {
			case method == "HEAD" && status == 200:
				ok = ok && text == "" && resp.ContentLength == int64(len(x.text))
			case status < 300 && method != "HEAD":
				ok = ok && text == x.text
			}
			if status < 400 {
				ok = ok && resp.Header.Get("Set-Cookie") == "a=1" && resp.Header.Get("Content-Disposition") == "attachment"
			}
			if x.media != "" {
				ok = ok && resp.Header.Get("Content-Type") == x.media
			}
			if !ok || strings.Contains(text, "SOURCE") || resp.Header.Get("X-Sendfile")+resp.Header.Get("X-Accel-Redirect") != "" {
				t.Errorf("%s %.80q %q: %d %q %v", method, x.octets, x.fields, resp.StatusCode, text, resp.Header)
			}
		}
	}
	if !strings.Contains(log.String(), "/etc/passwd") {
		t.Error("the log does not name what was refused")
	}
}

// TestSendfileWithoutRoot: whoever is in front of the server may want the fields.
func TestSendfileWithoutRoot(t *testing.T) {
	s := start(t, kind{make: func(t *testing.T, s *httpd.Server) {
		s.Handler, s.Env = scriptedProgram(t), []string{scriptedVariable + "=1"}
	}}, pool.Config{MaxServers: 1})
	resp, text := exchange(t, s, "GET", saying("/", "X-Accel-Redirect: /x\nX-Sendfile: /y\n\nz"), "", "")
	if resp.Header.Get("X-Accel-Redirect") != "/x" || resp.Header.Get("X-Sendfile") != "/y" || text != "z" {
		t.Errorf("%v %q", resp.Header, text)
	}
	if resp, text := exchange(t, s, "GET", saying("/", "Location: /other\n\n"), "", ""); resp.StatusCode != 200 || !strings.Contains(text, "PATH_INFO=/other\n") {
		t.Errorf("%d %q", resp.StatusCode, text)
	}
}
