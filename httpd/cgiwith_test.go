//go:build linux

package httpd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestCGIRoute: scripts beside a Go handler, with workers of their own.
func TestCGIRoute(t *testing.T) {
	dir := scripts(t, map[string]string{"a": plain + `echo "a $PATH_INFO"`, "b": plain + "nice"})
	own, err := exec.Command("nice").Output() // of whoever runs the tests
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []httpd.Mode{httpd.Emulate, httpd.Fork} {
		t.Run(mode.String(), func(t *testing.T) {
			s := serveCGI(t, httpd.Fast(suiteHandler), pool.Config{}, func(s *httpd.Server) {
				s.Mode = mode
				if mode == httpd.Fork {
					s.Isolation.Nice = 19
				}
				s.Routes = []httpd.Route{
					{Path: "/cgi-bin/", Handler: &httpd.CGIBin{Dir: dir}, Pool: &httpd.Pool{Name: "scripts", Config: pool.Config{MaxServers: 1}}},
					{Path: "/one", Handler: httpd.CGI(filepath.Join(dir, "a")), Pool: &httpd.Pool{Name: "one", Config: pool.Config{MaxServers: 1}}},
				}
			})
			c := newClient(t, s.url)
			if got := c.must(t, "/cgi-bin/a/x"); got != "a /x\n" {
				t.Errorf("%s: %q", mode, got)
			}
			if got := c.must(t, "/one"); got != "a /one\n" {
				t.Errorf("%s: %q", mode, got)
			}
			if got, want := c.must(t, "/cgi-bin/b"), map[httpd.Mode]string{httpd.Emulate: string(own), httpd.Fork: "19\n"}[mode]; got != want {
				t.Errorf("%s: nice %q, expected %q", mode, got, want)
			}
			if got := c.must(t, "/state"); !strings.HasPrefix(got, "state of ") {
				t.Errorf("%s: %q", mode, got)
			}
			s.awaitStatus(t, "counted", func(st *httpd.Status) bool {
				return len(st.Pools) == 2 && st.Pools[0].Totals.Requests == 2 && st.Pools[0].Mode == "fork"
			})
		})
	}
}

// TestCGIRedirect: a local redirect (RFC 3875, section 6.2.2) is followed.
func TestCGIRedirect(t *testing.T) {
	s := serveCGI(t, &httpd.CGIBin{Dir: scripts(t, map[string]string{
		"from": `cat >/dev/null; printf 'Location: /cgi-bin/to/info?q\n\n'`,
		"to":   plain + `echo "$REQUEST_METHOD $PATH_INFO $QUERY_STRING:$CONTENT_LENGTH:$(cat)"`,
		"loop": `printf 'Location: /cgi-bin/loop\n\n'`,
		"away": `printf 'Location: http://example.com/\n\n'`,
	})}, pool.Config{MaxServers: 1}, nil)
	c := newClient(t, s.url)
	status, body, err := c.do("POST", "/cgi-bin/from", strings.Repeat("x", 100_000))
	if status != 200 || body != "GET /info q::\n" || err != nil {
		t.Errorf("%d %q %v", status, body, err)
	}
	if status, body, err := c.get("/cgi-bin/loop"); status != 502 || err != nil {
		t.Errorf("%d %q %v", status, body, err)
	}
	if status, body, err := c.get("/cgi-bin/away"); status != 302 || body != "" || err != nil {
		t.Errorf("%d %q %v", status, body, err)
	}
}

// TestCGIPHP: php-cgi, started for each request, runs the scripts of a directory.
func TestCGIPHP(t *testing.T) {
	if _, err := exec.LookPath("php-cgi"); err != nil && os.Getenv("CI") == "" {
		t.Skip("no php-cgi (Debian: php-cgi)")
	}
	root := t.TempDir()
	for name, text := range map[string]string{
		"index.php": `<?php header("X-A: b"); echo "index ", $_SERVER["SCRIPT_NAME"], " ", getcwd(), "\n";`,
		"a.php":     `<?php echo $_POST["x"] ?? "none", " ", $_SERVER["PATH_INFO"] ?? "none", "\n";`,
		"exit.php":  `<?php echo "left\n"; exit(3);`,
		"file.txt":  "a file\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	s := serveCGI(t, &httpd.Scripts{Handler: httpd.CGI("php-cgi"), Root: root}, pool.Config{}, nil)
	c := newClient(t, s.url)
	for path, want := range map[string]string{
		"/": "index /index.php " + root + "\n", "/a.php/b": "none /b\n", "/exit.php": "left\n", "/file.txt": "a file\n",
	} {
		if got := c.must(t, path); got != want {
			t.Errorf("%s: %q, expected %q", path, got, want)
		}
	}
	c.send(t, "POST /a.php HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nx=y")
	resp := c.receive(t, "POST")
	defer resp.Body.Close()
	body := make([]byte, 100)
	n, _ := resp.Body.Read(body)
	if string(body[:n]) != "y none\n" {
		t.Errorf("%q", body[:n])
	}
}

// TestCGIIsolation: the restrictions of workers hold for programs.
func TestCGIIsolation(t *testing.T) {
	dir := scripts(t, map[string]string{"a": plain + `umask; ulimit -n; nice; id -u; grep NoNewPrivs /proc/self/status`, "denied": "echo"})
	s := serveCGI(t, &httpd.CGIBin{Dir: dir}, pool.Config{}, func(s *httpd.Server) {
		s.Isolation = httpd.Isolation{Umask: "027", RlimitNofile: 60, Nice: 2, NoNewPrivs: true}
		if os.Geteuid() == 0 {
			s.Isolation.User = "65534"
			for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
				os.Chmod(d, 0o755)
			}
		}
	})
	if err := os.Chmod(filepath.Join(dir, "denied"), 0o710); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, s.url)
	want, denied := "0027\n60\n2\n65534\nNoNewPrivs:\t1\n", 403
	if n := os.Geteuid(); n != 0 {
		want, denied = strings.Replace(want, "65534", itoa(n), 1), 502
	}
	if got := c.must(t, "/cgi-bin/a"); got != want {
		t.Errorf("%q, expected %q", got, want)
	}
	if status, _, err := c.get("/cgi-bin/denied"); status != denied || err != nil {
		t.Errorf("%d %v, expected %d", status, err, denied)
	}
}
