package httpd_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// needRoot ends a test that shows nothing without the rights of root.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it changes user and root directory, which nobody else may")
	}
}

// ofProcess is a line of a file of a process in /proc.
func ofProcess(t *testing.T, pid int, file, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.Join(strings.Fields(rest), " ")
		}
	}
	return ""
}

// TestIsolatedWorkers: children of another user, with limits, of every kind; all
// that come after are the same.
func TestIsolatedWorkers(t *testing.T) {
	needRoot(t)
	for _, k := range []kind{kinds[2], kinds[3], kinds[5]} { // the others' file cannot be found by nobody
		t.Run(k.name, func(t *testing.T) {
			s := start(t, k.with(func(s *httpd.Server) {
				s.Isolation = httpd.Isolation{User: "nobody", RlimitNofile: 300, Umask: "077", NoNewPrivs: true, CPUs: "0"}
			}), pool.Config{})
			check := func() {
				t.Helper()
				st, err := s.Status(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if len(st.Workers) != 2 {
					t.Fatalf("%d workers", len(st.Workers))
				}
				for _, w := range st.Workers {
					for _, want := range []struct{ file, name, value string }{
						{"status", "Uid:", "65534 65534 65534 65534"}, {"status", "Gid:", "65534 65534 65534 65534"},
						{"status", "Groups:", "65534"}, {"status", "NoNewPrivs:", "1"}, {"status", "Umask:", "0077"},
						{"status", "Cpus_allowed_list:", "0"}, {"limits", "Max open files", "300 300 files"},
					} {
						if got := ofProcess(t, w.PID, want.file, want.name); got != want.value {
							t.Errorf("worker %d: %s %q, want %q", w.PID, want.name, got, want.value)
						}
					}
				}
			}
			c := newClient(t, s.url)
			c.pid(t)
			check()
			if err := s.Reload(context.Background()); err != nil {
				t.Fatal(err)
			}
			c.pid(t)
			check()
			if got := ofProcess(t, os.Getpid(), "status", "Uid:"); got != "0 0 0 0" {
				t.Errorf("the parent is %s", got)
			}
			if err := s.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTooMuchMemory: a child that reaches its limit dies of it and is replaced, and
// nobody else notices.
func TestTooMuchMemory(t *testing.T) {
	const whole = "start ready"
	s := start(t, kinds[2].with(func(s *httpd.Server) { s.Isolation.RlimitAS = 6 << 30 }), pool.Config{})
	c, other := newClient(t, s.url), newClient(t, s.url)
	other.pid(t)
	if status, _, err := c.try("GET", "/eat", ""); err != nil || status != http.StatusBadGateway {
		t.Errorf("request that eats: %d %v", status, err)
	}
	s.expect(whole, whole, "start ready exited(crash)")
	for range 10 {
		c.pid(t)
		other.pid(t)
	}
	if c.closed+other.closed > 0 {
		t.Error("a connection was closed")
	}
}

// TestNoIsolation: where it is not possible nothing is started.
func TestNoIsolation(t *testing.T) {
	needRoot(t)
	for _, k := range kinds[:4] {
		t.Run(k.name, func(t *testing.T) {
			s := &httpd.Server{Name: suiteName, Listen: []string{"http://127.0.0.1:0"}, Isolation: httpd.Isolation{Chroot: "/no/such"}}
			k.make(t, s)
			err := s.Run(context.Background())
			if !errors.Is(err, httpd.ErrPrivilege) || !errors.Is(err, os.ErrNotExist) || !strings.HasSuffix(err.Error(), ": chroot /no/such: no such file or directory") {
				t.Error(err)
			}
		})
	}
}

func TestIsolationProblems(t *testing.T) {
	handler := httpd.Fast(suiteHandler)
	pools := func(mode httpd.Mode) []httpd.Route {
		return []httpd.Route{{Path: "/x", Handler: handler, Pool: &httpd.Pool{Name: "x", Mode: mode}}}
	}
	for _, c := range []struct {
		server *httpd.Server
		want   string
	}{
		{&httpd.Server{Isolation: httpd.Isolation{Nice: 1}}, "Nice is for children: it makes no sense in emulate mode"},
		{&httpd.Server{Isolation: httpd.Isolation{RlimitAS: 1 << 30}}, "RlimitAS is for children"},
		{&httpd.Server{Isolation: httpd.Isolation{User: "nobody-at-all"}}, `User: there is no user "nobody-at-all"`},
		{&httpd.Server{Mode: httpd.Fork, Isolation: httpd.Isolation{RlimitNofile: 40}, Pool: pool.Config{Concurrency: 64}}, "RlimitNofile: 40 is too few: at least 96"},
		{&httpd.Server{Mode: httpd.Fork, Isolation: httpd.Isolation{Nice: 1}, Routes: pools(httpd.Emulate)}, `pool "x": its handlers would run in the parent`},
		{&httpd.Server{Isolation: httpd.Isolation{Chroot: "/"}, Routes: pools(httpd.Fork)}, `pool "x": this process is inside Chroot`},
		{&httpd.Server{Handler: httpd.Program("php-cgi"), Isolation: httpd.Isolation{Chroot: "/"}}, "Chroot: the program's path is to be absolute"},
	} {
		if c.server.Handler == nil {
			c.server.Handler = handler
		}
		if err := c.server.Validate(); !errors.Is(err, httpd.ErrConfig) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// TestDroppedRights: an emulating server gives its rights up when it has bound its
// addresses.
func TestDroppedRights(t *testing.T) {
	needRoot(t)
	root, err := os.MkdirTemp("", "bident-test-root-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), emulateVariable+"=1", emulateRootVariable+"="+root)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	newClient(t, strings.TrimSpace(url)).pid(t)
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks { // rights are a thread's own
		for name, want := range map[string]string{
			"Uid:": "65534 65534 65534 65534", "Gid:": "65534 65534 65534 65534", "Groups:": "65534",
			"CapEff:": "0000000000000000", "Umask:": "0027",
		} {
			if got := ofProcess(t, cmd.Process.Pid, "task/"+task.Name()+"/status", name); got != want {
				t.Errorf("thread %s: %s %q, want %q", task.Name(), name, got, want)
			}
		}
	}
	for _, link := range []string{"root", "cwd"} {
		if got, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", cmd.Process.Pid, link)); got != root {
			t.Errorf("%s: %s, %v; want %s", link, got, err, root)
		}
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
