package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// servePHP starts a server of the application in testdata/php.
func servePHP(t *testing.T, args ...string) *daemon {
	t.Helper()
	needPrograms(t, "php-cgi")
	dir := shortDir(t)
	args = append([]string{"--listen=http://127.0.0.1:0", "--root=" + fixture(t, "php"), "--fallback=/index.php"}, args...)
	return serveForTest(t, append(args, "--", "php-cgi", "-d", "session.save_path="+dir, "-d", "upload_tmp_dir="+dir,
		"-d", "post_max_size=64M", "-d", "upload_max_filesize=64M", "-d", "display_errors=0", "-d", "log_errors=1", "-d", "error_log=")...)
}

// TestPHP: an application of several files works from its directory, without further
// configuration.
func TestPHP(t *testing.T) {
	t.Parallel()
	d := servePHP(t, "--max-servers=2")
	d.errs = true // what PHP complains of
	root := fixture(t, "php")
	for _, c := range []struct {
		method, target, status, want string
		fields                       []string
	}{
		{"GET", "/", "200 OK", "home\n", nil},
		{"HEAD", "/", "200 OK", "", nil},
		{"GET", "/index.php", "200 OK", "route /index.php \n", nil},
		{"GET", "/a/route?x=1", "200 OK", "route /a/route x=1\n", nil},
		{"GET", "/no/such.php", "200 OK", "route /no/such.php \n", nil},
		{"GET", "/admin/", "200 OK", "admin /admin/index.php\n", nil},
		{"GET", "/admin/index.php", "200 OK", "admin /admin/index.php\n", nil},
		{"GET", "/style.css", "200 OK", "body { color: green }\n", nil},
		{"GET", "/moved", "301 Moved Permanently", "", nil},
		{"GET", "/elsewhere", "302 Found", "", nil},
		{"GET", "/teapot", "418 ", "teapot\n", nil},
		{"GET", "/cookies", "200 OK", "hello, me\n", []string{"Cookie", "a=me"}},
		{"PUT", "/upload.php", "200 OK", fmt.Sprintf("PUT 0 %x\n", sha1.Sum(nil)), nil},
		// PATH_INFO is there where a script is, and nowhere else.
		{"GET", "/style.css/x.php", "200 OK", "route /style.css/x.php \n", nil},
		{"GET", "/%2e%2e/php/style.css", "", "", nil},
		{"GET", "/env.php/a%20b?q=%41", "200 OK", "SCRIPT_NAME=/env.php\nSCRIPT_FILENAME=" + root + "/env.php\nPATH_INFO=/a b\nPATH_TRANSLATED=" + root +
			"/a b\nDOCUMENT_ROOT=" + root + "\nQUERY_STRING=q=%41\nREQUEST_METHOD=GET\nREQUEST_URI=/env.php/a%20b?q=%41\nREDIRECT_STATUS=200\nREMOTE_ADDR=127.0.0.1\n" +
			"SERVER_PROTOCOL=HTTP/1.1\nGATEWAY_INTERFACE=CGI/1.1\nHTTPS=(none)\nHTTP_X_TWICE=one\nHTTP_PROXY=(none)\nCONTENT_LENGTH=(none)\nCONTENT_TYPE=(none)\n",
			[]string{"X-Twice", "one", "Proxy", "evil"}},
		{"GET", "/fault.php?how=exit", "200 OK", "before\n", nil},
		{"GET", "/fault.php?how=fatal", "500 Internal Server Error", "", nil},
		{"GET", "/fault.php?how=memory", "500 Internal Server Error", "", nil},
		{"GET", "/fault.php?how=parse", "500 Internal Server Error", "", nil},
		{"GET", "/fault.php?how=time", "500 Internal Server Error", "", nil},
		{"GET", "/fault.php?how=die", "502 Bad Gateway", "bad gateway\n", nil},
		{"GET", "/fault.php?how=log", "200 OK", "logged\n", nil},
	} {
		resp, text := do(t, c.method, d.urls[0]+c.target, nil, c.fields...)
		if c.status == "" {
			if resp.StatusCode < 400 && !strings.HasPrefix(text, "route ") {
				t.Errorf("%s: %s %q", c.target, resp.Status, text)
			}
			continue
		}
		if !strings.HasPrefix(resp.Status, c.status) || text != c.want {
			t.Errorf("%s %s: %s %q, not %s %q", c.method, c.target, resp.Status, text, c.status, c.want)
		}
	}
	d.waitLog("Call to undefined function no_such_function()")
	d.waitLog("a line for the log")
	if resp, _ := do(t, "GET", d.urls[0]+"/elsewhere", nil); resp.Header.Get("Location") != "https://example.org/x?y=1" {
		t.Errorf("Location: %q", resp.Header.Get("Location"))
	}
	if resp, _ := do(t, "GET", d.urls[0]+"/cookies", nil); len(resp.Header.Values("Set-Cookie")) != 2 {
		t.Errorf("Set-Cookie: %q", resp.Header.Values("Set-Cookie"))
	}
	resp, text := do(t, "GET", d.urls[0]+"/fault.php?how=late", nil)
	if resp.StatusCode != 500 && text != strings.Repeat("before the error\n", 10) {
		t.Errorf("an exception after the first octets: %s %q", resp.Status, text)
	}
	d.end(0)
}

// TestPHPState: sessions, uploads and large answers, while workers are recycled.
func TestPHPState(t *testing.T) {
	t.Parallel()
	d := servePHP(t, "--max-servers=2", "--max-requests=9")
	cookie := ""
	for i := range 40 {
		resp, text := do(t, "GET", d.urls[0]+"/session.php", nil, "Cookie", cookie)
		if set := resp.Header.Get("Set-Cookie"); cookie == "" {
			cookie, _, _ = strings.Cut(set, ";")
		}
		if want := fmt.Sprintf("visit %d\n", i+1); text != want {
			t.Fatalf("%s %q, not %q", resp.Status, text, want)
		}
	}
	for _, size := range []int{0, 1, 8191, 8192, 65535, 65536, 10 << 20} {
		content := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		sum := sha1.Sum(content)
		contentType, body := form(t, "a name.bin", content)
		want := fmt.Sprintf("a name.bin 0 %d %x blue & green\n", size, sum)
		if resp, text := do(t, "POST", d.urls[0]+"/upload.php", body, "Content-Type", contentType); text != want {
			t.Errorf("upload of %d: %s %q, not %q", size, resp.Status, text, want)
		}
		want = fmt.Sprintf("PUT %d %x\n", size, sum)
		for name, r := range map[string]io.Reader{"with a length": bytes.NewReader(content), "in chunks": io.MultiReader(bytes.NewReader(content))} {
			if resp, text := do(t, "PUT", d.urls[0]+"/upload.php", r); text != want {
				t.Errorf("%d octets %s: %s %q, not %q", size, name, resp.Status, text, want)
			}
		}
		if _, text := do(t, "GET", fmt.Sprintf("%s/large.php?kb=%d", d.urls[0], size/1024), nil); len(text) != size/1024*1024 {
			t.Errorf("%d octets, not %d", len(text), size/1024*1024)
		}
	}
	d.end(0)
}

// TestPHPFlush: what a script flushes reaches the client before the script goes on.
func TestPHPFlush(t *testing.T) {
	t.Parallel()
	d := servePHP(t, "--max-servers=1")
	seen := shortDir(t) + "/seen"
	c, err := net.DialTimeout("tcp", strings.TrimPrefix(d.urls[0], "http://"), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "GET /flush.php?seen=%s HTTP/1.1\r\nHost: test\r\n\r\n", seen)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(resp.Body)
	for i := range 3 {
		line, err := r.ReadString('\n')
		if want := fmt.Sprintf("piece %d\n", i); line != want || err != nil {
			t.Fatalf("%q %v, not %q", line, err, want)
		}
		if err := os.WriteFile(fmt.Sprint(seen, i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		t.Errorf("%q %v", rest, err)
	}
	d.end(0)
}

// TestPHPStays: php-cgi does not leave of its own accord, as it would after 500
// requests, nor does any of them fail.
func TestPHPStays(t *testing.T) {
	t.Parallel()
	d := servePHP(t, "--max-servers=1", "--max-requests=0")
	c, err := net.DialTimeout("tcp", strings.TrimPrefix(d.urls[0], "http://"), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	go func() {
		_, _ = io.WriteString(c, strings.Repeat("GET /pid.php HTTP/1.1\r\nHost: test\r\n\r\n", 1200))
	}()
	r := bufio.NewReader(c)
	pids := make(map[string]int)
	for i := range 1200 {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("request %d: %s %v", i, resp.Status, err)
		}
		pids[string(text)]++
	}
	if len(pids) != 1 {
		t.Errorf("processes and their requests: %v", pids)
	}
	d.end(0)
}
