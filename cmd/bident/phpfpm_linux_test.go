package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
)

// phpPage says who it is and what PHP has been told; with a path it waits until
// there is such a file.
const phpPage = `<?php
for (clearstatcache(); isset($_GET['until']) && !file_exists($_GET['until']); clearstatcache()) usleep(1000);
echo ini_get('memory_limit'), ' ', ini_get('user_agent'), ' ', getenv('COLOUR'), ' ', getenv('PATH') === false ? 'clear' : 'PATH', "\n";
`

// poolFile is a server's php-fpm file, with the page that it serves.
type poolFile struct {
	t         *testing.T
	conf, dir string
	admin     string
	d         *daemon
}

// servePool starts a server from a php-fpm file of one pool. It serves HTTP unless
// that says where to listen.
func servePool(t *testing.T, pool string, args ...string) *poolFile {
	t.Helper()
	needPrograms(t, "php-cgi")
	p := &poolFile{t: t, dir: t.TempDir(), admin: "--admin=http+unix://" + filepath.Join(shortDir(t), "admin")}
	if err := os.Chmod(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p.conf = filepath.Join(p.dir, "fpm.conf")
	p.write("fpm.conf", "[www]\nlisten = 9000\n"+pool)
	p.write("page.php", phpPage)
	args = append(args, "--php-fpm-conf="+p.conf, p.admin)
	if !strings.Contains(pool, "listen =") {
		args = append(args, "--listen=http://127.0.0.1:0", "--root="+p.dir)
	}
	p.d = serveForTest(t, args...)
	return p
}

func (p *poolFile) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// await waits until the server's status is as it should be.
func (p *poolFile) await(what string, is func(*httpd.Status) bool) *httpd.Status {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		text, status := p.d.bident("status", "--json", p.admin)
		st := new(httpd.Status)
		if err := json.Unmarshal([]byte(text), st); err != nil || status != 0 {
			p.t.Fatalf("status: %d %s: %v", status, text, err)
		}
		if is(st) {
			return st
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: %s\n%s", what, text, p.d.log())
		}
	}
}

func workers(n int) func(*httpd.Status) bool {
	return func(st *httpd.Status) bool { return len(st.Workers) == n }
}

// crowd asks for the page n times at once. Nobody is answered before go is called.
func (p *poolFile) crowd(n int, want string) (release func()) {
	file := filepath.Join(p.t.TempDir(), "go")
	var callers sync.WaitGroup
	for range n {
		callers.Go(func() {
			if got, err := fetch(p.d.urls[0] + "/page.php?until=" + file); err != nil || got != want {
				p.t.Errorf("%q %v, want %q", got, err, want)
			}
		})
	}
	return func() {
		p.t.Helper()
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			p.t.Fatal(err)
		}
		callers.Wait()
	}
}

// TestPHPFPMOnDemand: processes are started as there are requests, up to the limit,
// and leave when they have been idle for their time; PHP gets the pool's settings.
func TestPHPFPMOnDemand(t *testing.T) {
	p := servePool(t, `pm = ondemand
pm.max_children = 3
pm.process_idle_timeout = 1s
php_admin_value[memory_limit] = 77M
php_value[user_agent] = "a;b's"
env[COLOUR] = $PATH
pm.status_path = /status
`)
	want := "200 77M a;b's " + os.Getenv("PATH") + " clear\n"
	p.await("nobody to begin with", workers(0))
	for range 2 {
		if got, err := fetch(p.d.urls[0] + "/page.php"); err != nil || got != want {
			t.Fatalf("%q %v, want %q", got, err, want)
		}
		p.await("nobody is left", workers(0))
	}
	release := p.crowd(6, want)
	p.await("as many as there may be", func(st *httpd.Status) bool { return len(st.Workers) == 3 && st.Totals.Waiting == 3 })
	release()
	st := p.await("nobody is left", workers(0))
	if st.Totals.Requests != 8 || st.Totals.Spawned != 5 || st.Totals.Exits["idle"] != 5 {
		t.Errorf("totals %+v", st.Totals)
	}
	for _, line := range []string{p.conf + ":2", "listen: ignored", p.conf + ":9", "pm.status_path: ignored", p.conf + ":6", "scripts may change it"} {
		if !strings.Contains(p.d.log(), line) {
			t.Errorf("no %q in the log:\n%s", line, p.d.log())
		}
	}
}

// TestPHPFPMDynamic: there are spare processes, and not too many. The file is read
// again by a reload, as a configuration file is.
func TestPHPFPMDynamic(t *testing.T) {
	const head, rest = "[www]\nlisten = 9000\n", "pm.start_servers = 2\npm.min_spare_servers = 1\npm.max_spare_servers = 2\n"
	text := func(most int, more string) string {
		return fmt.Sprintf("%spm = dynamic\npm.max_children = %d\n%s%s", head, most, rest, more)
	}
	p := servePool(t, strings.TrimPrefix(text(4, ""), head), "--check-for-waiting=100ms", "--check-for-spawn=500ms", "--min-child-ttl=0")
	want := "200 128M   clear\n"
	p.await("two to begin with", workers(2))
	release := p.crowd(3, want)
	p.await("three are busy, one is spare", workers(4))
	release()
	p.await("two that are spare", workers(2))

	p.write("fpm.conf", text(3, "pm.max_requests = 50\n"))
	if out, status := p.d.bident("ctl", "reload", p.admin); status != 0 {
		t.Fatalf("reload: %d %s", status, out)
	}
	p.await("the new limits", func(st *httpd.Status) bool {
		return fmt.Sprint(st.Limits["max_servers"], st.Limits["max_requests"]) == "3 50" && st.Generation == 2
	})
	for _, wrong := range []struct{ text, want string }{
		{text(0, ""), p.conf + `:4: pm.max_children: "0" is not a number that can stand there (at least 1)`},
		{text(3, "php_value[memory_limit] = 1M\n"), p.conf + ":8: php_value cannot be changed by a reload (restart the server)"},
	} {
		p.write("fpm.conf", wrong.text)
		if out, status := p.d.bident("ctl", "reload", p.admin); status == 0 || !strings.Contains(out, wrong.want) {
			t.Errorf("reload: %d %s, want %s", status, out, wrong.want)
		}
	}
	p.d.errs = true // the log has the refusals
	st := p.await("as before", func(st *httpd.Status) bool { return st.Generation == 2 })
	if st.Totals.Requests != 3 || st.Totals.Exits["crash"]+st.Totals.Exits["killed"] != 0 {
		t.Errorf("totals %+v", st.Totals)
	}
}

// fastcgi asks for the page at an address as a web server does.
func (p *poolFile) fastcgi(address string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "cgi-fcgi", "-bind", "-connect", address)
	cmd.Env = []string{"REQUEST_METHOD=GET", "SERVER_PROTOCOL=HTTP/1.1", "REQUEST_URI=/page.php", "SCRIPT_NAME=/page.php",
		"SCRIPT_FILENAME=" + filepath.Join(p.dir, "page.php"), "PHP_VALUE=memory_limit=1M"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestPHPFPMListen: a web server that php-fpm had finds everything as it was.
func TestPHPFPMListen(t *testing.T) {
	needPrograms(t, "php-cgi", "cgi-fcgi")
	socket := filepath.Join(shortDir(t), "$pool.sock")
	p := servePool(t, "listen = "+socket+"\nlisten.mode = 0666\nlisten.backlog = 5\nlisten.owner = "+fmt.Sprint(os.Getuid())+
		"\nlisten.group = "+fmt.Sprint(os.Getgid())+"\nsecurity.limit_extensions = .php\npm = static\npm.max_children = 1\n")
	socket = strings.Replace(socket, "$pool", "www", 1)
	info, err := os.Stat(socket)
	if err != nil || info.Mode() != os.ModeSocket|0o666 {
		t.Errorf("%v %v", info, err)
	}
	if len(p.d.urls) != 1 || p.d.urls[0] != "fcgi+unix://"+socket {
		t.Errorf("listens on %q", p.d.urls)
	}
	for range 3 {
		if out, err := p.fastcgi(socket); err != nil || !strings.Contains(out, "\r\n\r\n128M   clear\n") {
			t.Errorf("%q %v", out, err)
		}
	}
	if st := p.await("one", workers(1)); st.Totals.Requests != 3 || st.Workers[0].Requests != 3 {
		t.Errorf("totals %+v", st.Totals)
	}

	p = servePool(t, "listen = 127.0.0.1:0\nlisten.allowed_clients = 127.0.0.9\npm = static\npm.max_children = 1\n")
	if out, _ := p.fastcgi(strings.TrimPrefix(p.d.urls[0], "fcgi://")); strings.Contains(out, "128M") {
		t.Errorf("served a stranger: %q", out)
	}
	p.await("nobody", func(st *httpd.Status) bool { return st.Totals.Requests == 0 })
}

// TestPHPIsMissing: without another program it is php-cgi, and who has none is told.
func TestPHPIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	conf := filepath.Join(t.TempDir(), "www.conf")
	if err := os.WriteFile(conf, []byte("; one pool\n[www]\nlisten = 9000\npm = static\npm.max_children = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	status := run([]string{"config", "check", "--php-fpm-conf", conf}, &out, &errs)
	want := "bident: " + conf + ":2: program php-cgi: executable file not found in $PATH (it belongs to PHP and has to be installed (Debian's php-cgi), or name another after --)\n"
	if status != 78 || errs.String() != want || out.Len() > 0 {
		t.Errorf("%d %s%s, want 78 %s", status, &out, &errs, want)
	}
}
