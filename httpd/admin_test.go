package httpd_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestAdminPages: what the admin listener shows to people and tools, and with which
// protections.
func TestAdminPages(t *testing.T) {
	s := start(t, administered(kinds[0]), pool.Config{})
	for _, test := range []struct {
		method, path string
		status       int
		contentType  string
		holds        string
	}{
		{"GET", "/", 302, "", ""},
		{"GET", "/status", 200, "text/html; charset=utf-8", "<title>0/2 busy"},
		{"HEAD", "/status", 200, "text/html; charset=utf-8", ""},
		{"GET", "/status?refresh=5", 200, "text/html; charset=utf-8", `<meta http-equiv="refresh" content="5">`},
		{"POST", "/status", 405, "application/json", "use GET"},
		{"POST", "/metrics", 405, "application/json", "use GET"},
		{"HEAD", "/metrics", 200, "text/plain", ""},
		{"GET", "/metrics/", 404, "application/json", "no such path"},
		{"GET", "/debug/pprof/", 200, "text/html; charset=utf-8", "goroutine"},
		{"GET", "/debug/pprof/goroutine?debug=1", 200, "text/plain; charset=utf-8", "goroutine profile: total"},
		{"GET", "/debug/pprof/heap", 200, "application/octet-stream", "\x1f\x8b"},
		{"GET", "/debug/pprof/heap?debug=1&gc=1", 200, "text/plain; charset=utf-8", "heap profile"},
		{"GET", "/debug/pprof/cmdline", 200, "text/plain; charset=utf-8", ".test"},
		{"GET", "/debug/pprof/profile?seconds=0.05", 200, "application/octet-stream", "\x1f\x8b"},
		{"GET", "/debug/pprof/trace?seconds=0.05", 200, "application/octet-stream", "go 1."},
		{"GET", "/debug/pprof/profile?seconds=nan", 400, "application/json", "seconds must"},
		{"GET", "/debug/pprof/profile?seconds=301", 400, "application/json", "seconds must"},
		{"GET", "/debug/pprof/trace?seconds=-1", 400, "application/json", "seconds must"},
		{"GET", "/debug/pprof/../../etc/passwd", 404, "application/json", "no such path"},
		{"GET", "/debug/pprof/%3Cscript%3E", 404, "application/json", "no such profile"},
		{"POST", "/debug/pprof/heap", 405, "application/json", "use GET"},
		{"GET", "/ctl/reload", 405, "application/json", "use POST"},
	} {
		resp, body := s.look(t, test.method, test.path)
		if resp.StatusCode != test.status || !strings.HasPrefix(resp.Header.Get("Content-Type"), test.contentType) ||
			!bytes.Contains(body, []byte(test.holds)) {
			t.Errorf("%s %s: %d %q\n%.300s", test.method, test.path, resp.StatusCode, resp.Header.Get("Content-Type"), body)
		}
		if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: header %v", test.method, test.path, resp.Header)
		}
		if strings.HasPrefix(test.contentType, "text/html") &&
			!strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: policy %q", test.path, resp.Header.Get("Content-Security-Policy"))
		}
	}
	for _, refresh := range []string{"0", "-1", "3601", "5;url=http://evil", "%22%3E%3Cscript%3E", ""} {
		if _, body := s.look(t, "GET", "/status?refresh="+refresh); bytes.Contains(body, []byte("http-equiv")) ||
			bytes.Contains(body, []byte("evil")) || bytes.Contains(body, []byte("<script")) {
			t.Errorf("refresh=%s is taken", refresh)
		}
	}
}

// TestAdminFromWebPage: a page that an operator looks at gives no orders.
func TestAdminFromWebPage(t *testing.T) {
	s := start(t, administered(kinds[0]), pool.Config{})
	resp, _ := s.look(t, "POST", "/ctl/stop", "Origin", "https://example.org")
	if resp.StatusCode != 403 {
		t.Errorf("status %d", resp.StatusCode)
	}
	if resp, _ = s.look(t, "GET", "/status.json", "Origin", "https://example.org"); resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
	if resp, _ = s.look(t, "POST", "/ctl/scale?n=3"); resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// TestProfileEndsWithServer: a profile that would take minutes does not outlive Run.
func TestProfileEndsWithServer(t *testing.T) {
	s := start(t, administered(kinds[0]), pool.Config{})
	answered := make(chan int, 1)
	go func() {
		status := 409
		for status == 409 { // the other one was faster
			resp, _ := s.look(t, "GET", "/debug/pprof/trace?seconds=300")
			status = resp.StatusCode
		}
		answered <- status
	}()
	// As long as one is made, there is no other.
	for begun := time.Now(); ; {
		resp, _ := s.look(t, "GET", "/debug/pprof/trace?seconds=0.001")
		if resp.StatusCode == 409 {
			break
		}
		if time.Since(begun) > patience {
			t.Fatal("two traces at once")
		}
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	select {
	case status := <-answered:
		if status != 200 {
			t.Errorf("status %d", status)
		}
	case <-time.After(patience):
		t.Error("it goes on")
	}
}

// What clients ask for is shown as text.
func TestStatusPageShowsRequests(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		s := start(t, administered(k), pool.Config{DieTimeout: 5 * time.Second})
		c := newClient(t, s.url)
		defer c.close()
		c.send(t, "GET /sleep?ms=500&%3Cb%3E<script>alert(1)</script>\"'&amp; HTTP/1.1\r\nHost: test\r\n\r\n")
		s.awaitStatus(t, "in hand or answered", func(st *httpd.Status) bool { return st.Totals.Requests == 1 })
		_, body := s.look(t, "GET", "/status")
		if bytes.Contains(body, []byte("<script")) {
			t.Errorf("not escaped:\n%s", body)
		}
		c.receive(t, "GET")
	})
}

// TestAdminRebinding: a page whose name leads to this machine is none of ours.
func TestAdminRebinding(t *testing.T) {
	s := start(t, kinds[0].with(func(s *httpd.Server) { s.Admin = "http://127.0.0.1:0" }), pool.Config{})
	for host, want := range map[string]int{
		"evil.example:9": 403, "127.0.0.1": 200, "[::1]:80": 200, "localhost:1": 200, "127.0.0.1.evil.example": 403,
	} {
		c := newClient(t, s.AdminAddr())
		c.send(t, "GET /status.json HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		if resp := c.receive(t, "GET"); resp.StatusCode != want {
			t.Errorf("Host %s: %d, expected %d", host, resp.StatusCode, want)
		}
		c.close()
	}
}
