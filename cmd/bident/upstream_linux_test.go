package main

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bident/bident/httpd"
)

// phpFPM is a php-fpm whose processes leave after a few requests each.
func phpFPM(t *testing.T) (cmd *exec.Cmd, url string) {
	t.Helper()
	needPrograms(t, "php-fpm8.2")
	dir := shortDir(t)
	socket, conf := filepath.Join(dir, "php.sock"), filepath.Join(dir, "fpm.conf")
	text := fmt.Sprintf(`[global]
error_log = %[1]s/log
daemonize = no
process_control_timeout = 20s
[www]
listen = %[1]s/php.sock
listen.mode = 0666
pm = static
pm.max_children = 3
pm.max_requests = 20
php_admin_value[session.save_path] = %[1]s
php_admin_value[upload_tmp_dir] = %[1]s
php_admin_value[post_max_size] = 64M
php_admin_value[upload_max_filesize] = 64M
`, dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-F", "-y", conf}
	if os.Geteuid() == 0 {
		args = append(args, "-R")
	}
	cmd = exec.Command("php-fpm8.2", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	runPeer(t, cmd)
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // its children, too
	waitSocket(t, socket)
	return cmd, "fcgi+unix://" + socket
}

// uploads sends uploads and reads pages at a time, and calls meanwhile.
func uploads(t *testing.T, url string, meanwhile func()) {
	t.Helper()
	var clients sync.WaitGroup
	for id := range 6 {
		clients.Go(func() {
			for i := range 60 {
				if i%3 > 0 {
					want := fmt.Sprintf("route /a/%d x=%d\n", id, i)
					if resp, text := do(t, "GET", fmt.Sprintf("%s/a/%d?x=%d", url, id, i), nil); resp.StatusCode != http.StatusOK || text != want {
						t.Errorf("%s %q, not %q", resp.Status, text, want)
					}
					continue
				}
				content := []byte(strings.Repeat(fmt.Sprintf("%d of %d ", i, id), 1+i*50))
				contentType, body := form(t, "a", content)
				want := fmt.Sprintf("a 0 %d %x blue & green\n", len(content), sha1.Sum(content))
				resp, text := do(t, "POST", url+"/upload.php", body, "Content-Type", contentType)
				if resp.StatusCode != http.StatusOK || text != want {
					t.Errorf("%s %q, not %q", resp.Status, text, want)
				}
			}
		})
	}
	meanwhile()
	clients.Wait()
}

// TestUpstreamPHP: an application of PHP's behind php-fpm, from its directory, with
// fewer processes than lanes and with as many: no request is lost when processes leave,
// nor when php-fpm reads its configuration anew.
func TestUpstreamPHP(t *testing.T) {
	for _, lanes := range []string{"8", "3"} {
		fpm, url := phpFPM(t)
		d := serveForTest(t, "--listen=http://127.0.0.1:0", "--max-servers="+lanes, "--upstream="+url,
			"--root="+fixture(t, "php"), "--fallback=/index.php")
		if resp, text := do(t, "GET", d.urls[0]+"/style.css", nil); text != "body { color: green }\n" {
			t.Errorf("a file: %s %q", resp.Status, text)
		}
		uploads(t, d.urls[0], func() {})
		uploads(t, d.urls[0], func() {
			if err := fpm.Process.Signal(syscall.SIGUSR2); err != nil {
				t.Error(err)
			}
		})
		if u := upstreamStatus(t, d); !u.Up || u.URL != url || u.Opened == 0 {
			t.Errorf("status: %+v", u)
		}
		d.end(0)
	}
}

// upstreamStatus is the state of a server's only upstream.
func upstreamStatus(t *testing.T, d *daemon) httpd.StatusUpstream {
	t.Helper()
	out, code := d.bident("status", "--json")
	var st httpd.Status
	if err := json.Unmarshal([]byte(out), &st); err != nil || code != 0 || len(st.Upstreams) != 1 {
		t.Fatalf("status: %d %v %s", code, err, out)
	}
	return st.Upstreams[0]
}

// TestUpstreamManager: a daemon under FCGI::ProcManager that runs by itself, with one
// process for each connection, and fewer of them than lanes. A HUP, by which the manager
// replaces its processes when they have nothing in hand, costs no request.
func TestUpstreamManager(t *testing.T) {
	needPerl(t, "FCGI", "FCGI::ProcManager")
	cmd, socket := startManager(t, 3)
	d := serveForTest(t, "--listen=http://127.0.0.1:0", "--max-servers=5", "--upstream=fcgi+unix://"+socket)
	before := manage(t, d.urls[0], 3)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 200 {
				if resp, text := do(t, "GET", d.urls[0]+"/hello", nil); resp.StatusCode != http.StatusOK || text != "hello\n" {
					t.Errorf("%s %q", resp.Status, text)
				}
			}
		})
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Error(err)
	}
	manage(t, d.urls[0], 3)
	clients.Wait()
	for pid := range manage(t, d.urls[0], 3) {
		if before[pid] {
			t.Errorf("process %s has outlived a HUP", pid)
		}
	}
	d.end(0)
}

// TestUpstreamFlags: a server starts without its upstream, and shows that.
func TestUpstreamFlags(t *testing.T) {
	socket := filepath.Join(shortDir(t), "none")
	d := serveForTest(t, "--listen=http://127.0.0.1:0", "--upstream=fcgi+unix://"+socket, "--upstream-keep=0", "--accept=request")
	d.errs = true
	d.waitLog("upstream is down")
	resp, text := do(t, "GET", d.urls[0]+"/", nil)
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || text != "service unavailable\n" {
		t.Errorf("%s %q, Retry-After %q", resp.Status, text, resp.Header.Get("Retry-After"))
	}
	if u := upstreamStatus(t, d); u.Up {
		t.Errorf("status: %+v", u)
	}
	d.end(0)
}
