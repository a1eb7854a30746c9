package fork

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/pool"
)

// isolated are the ways in which children can be born.
func isolated(t *testing.T) map[string]func(*Config) {
	seats := mustOpenSeats(t, 2, Address{Network: "tcp", Address: "127.0.0.1:0"})
	return map[string]func(*Config){
		"go":   func(*Config) {},
		"slot": func(c *Config) { c.Accept, c.Seats = Slot, seats },
		"external": func(c *Config) {
			external(c)
			c.Program = []string{"/bin/program"}
		},
	}
}

func TestIsolatedChildren(t *testing.T) {
	needRoot(t)
	jail := newJail(t)
	for name, change := range isolated(t) {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, func(c *Config) {
				change(c)
				c.Isolation = Isolation{
					User: "nobody", Groups: []string{"7", "5"}, RlimitAS: 8 << 30, RlimitNofile: 200,
					Rlimits: map[string]int64{"core": 0, "fsize": 1 << 30}, Nice: 5, CPUs: "0", Umask: "027",
					Chroot: jail, Dir: "/work", NoNewPrivs: true,
				}
			})
			w := h.ready(0)
			got := statusOf(t, w.PID())
			for field, want := range map[string]string{
				"Uid": "65534 65534 65534 65534", "Gid": "65534 65534 65534 65534", "Groups": "5 7",
				"NoNewPrivs": "1", "Umask": "0027", "Cpus_allowed_list": "0", "CapEff": "0000000000000000",
				"CapPrm": "0000000000000000", "nice": "5", "root": jail, "cwd": jail + "/work",
				"open files": "200 200", "core file": "0 0", "address space": "8589934592 8589934592",
				"file size": "1073741824 1073741824",
			} {
				if got[field] != want {
					t.Errorf("%s: %q, want %q", field, got[field], want)
				}
			}
			if name == "slot" {
				c := dial(t, h.config.Seats.Addrs()[0])
				if pid := c.ask("pid"); pid != fmt.Sprint(w.PID()) {
					t.Errorf("pid %s", pid)
				}
				c.Close() // the child waits for it
			} else if pid := h.ask("pid"); pid != fmt.Sprint(w.PID()) {
				t.Errorf("pid %s, want %d: the private listener is another's", pid, w.PID())
			}
			if name == "go" {
				if env := h.ask("environ"); strings.Contains(env, shimVariable) || strings.Contains(env, "GOGC") || strings.Contains(env, "GOMAXPROCS") {
					t.Errorf("the shim's environment is the child's: %s", env)
				}
			}
			w.Retire()
			w.left("", "")
		})
	}
}

// TestUserAlone changes the user and nothing else: the groups are what the system
// says.
func TestUserAlone(t *testing.T) {
	needRoot(t)
	h := newHarness(t, func(c *Config) { c.Isolation.User = "nobody" })
	w := h.ready(0)
	got := statusOf(t, w.PID())
	if got["Uid"] != "65534 65534 65534 65534" || got["Gid"] != "65534 65534 65534 65534" || got["Groups"] != "65534" {
		t.Errorf("user %s, group %s, groups %s", got["Uid"], got["Gid"], got["Groups"])
	}
	if got["root"] != "/" || got["nice"] != statusOf(t, os.Getpid())["nice"] {
		t.Errorf("root %s, nice %s", got["root"], got["nice"])
	}
	h.ask("hello")
}

func TestGroupAlone(t *testing.T) {
	needRoot(t)
	h := newHarness(t, func(c *Config) { c.Isolation.Group = "12" })
	got := statusOf(t, h.ready(0).PID())
	if got["Uid"] != "0 0 0 0" || got["Gid"] != "12 12 12 12" || got["Groups"] != "" {
		t.Errorf("user %s, group %s, groups %q", got["Uid"], got["Gid"], got["Groups"])
	}
}

// newBackend makes a backend with nothing but isolation, which should fail.
func newBackend(t *testing.T, change func(*Config)) error {
	t.Helper()
	board, err := NewBoard(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer board.Close()
	c := Config{Queue: pool.NewQueue(1), Runner: newLineRunner, Board: board}
	change(&c)
	b, err := New(c)
	if err == nil {
		b.Close()
	}
	return err
}

// TestStepsThatFail names what cannot be done, before any child is started.
func TestStepsThatFail(t *testing.T) {
	needRoot(t)
	empty := t.TempDir()
	for _, c := range []struct {
		change func(*Config)
		want   string
		errno  error
	}{
		{func(c *Config) { c.Isolation.Chroot = "/no/such" }, "chroot /no/such: no such file or directory", unix.ENOENT},
		{func(c *Config) { c.Isolation.Dir = "/no/such" }, "working directory /no/such: no such file or directory", unix.ENOENT},
		{func(c *Config) { c.Isolation.CPUs = "1023" }, "cpus [1023]: invalid argument", unix.EINVAL},
		{func(c *Config) { external(c); c.Isolation.Chroot, c.Program = empty, []string{"/bin/program"} },
			"program /bin/program: no such file or directory", unix.ENOENT},
	} {
		err := newBackend(t, c.change)
		if !errors.Is(err, ErrIsolation) || !errors.Is(err, c.errno) || !strings.HasSuffix(fmt.Sprint(err), ": "+c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	jail := newJail(t)
	os.WriteFile(filepath.Join(jail, "bin/script"), []byte("#! /bin/none -x\n"), 0o755)
	os.WriteFile(filepath.Join(jail, "bin/text"), []byte("x"), 0o644)
	for program, want := range map[string]string{
		"/bin/script": "program /bin/script: its interpreter or dynamic linker /bin/none: no such file or directory",
		"/bin/text":   "program /bin/text: permission denied",
	} {
		err := newBackend(t, func(c *Config) { external(c); c.Isolation.Chroot, c.Program = jail, []string{program} })
		if !errors.Is(err, ErrIsolation) || !strings.HasSuffix(fmt.Sprint(err), ": "+want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	err := newBackend(t, func(c *Config) { c.Isolation.RlimitAS = leastAS })
	if !errors.Is(err, ErrIsolation) || !strings.Contains(fmt.Sprint(err), "the program does not start in it: exit status 2: fatal error: ") {
		t.Errorf("too little address space: %v", err)
	}
	self, _ := os.Executable()
	err = newBackend(t, func(c *Config) { c.Isolation.Chroot = empty })
	if linkerOf(t, self) == "" {
		if err != nil {
			t.Errorf("a static program: %v", err)
		}
	} else if !errors.Is(err, unix.ENOENT) || !strings.Contains(fmt.Sprint(err), "what it is linked with is not inside the chroot: it needs nothing there if it is built with CGO_ENABLED=0") {
		t.Errorf("a program without its dynamic linker: %v", err)
	}
}

// refusedMain tries what only root may.
func refusedMain() {
	for _, i := range []Isolation{
		{User: "root"}, {User: "1", Group: "65534", Groups: []string{"65534"}}, {Chroot: "/"}, {Nice: -5}, {Group: "5"}, {User: "nobody", Nice: 1},
	} {
		board, err := NewBoard(1, 1)
		if err == nil {
			_, err = New(Config{Queue: pool.NewQueue(1), Runner: newLineRunner, Board: board, Isolation: i})
		}
		fmt.Println(errors.Is(err, ErrIsolation), errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES), err)
	}
	os.Exit(0)
}

func TestRefusals(t *testing.T) {
	needRoot(t)
	jail := newJail(t)
	cmd := exec.Command(filepath.Join(jail, "bin/program"))
	cmd.Dir, cmd.SysProcAttr = "/", asNobody
	cmd.Env = append(os.Environ(), roleVariable+"=refused", "TMPDIR=/tmp")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const want = `true true fork: isolation: setgid 0: operation not permitted
true true fork: isolation: setuid 1: operation not permitted
true true fork: isolation: chroot /: operation not permitted
true true fork: isolation: nice -5: permission denied
true true fork: isolation: setgid 5: operation not permitted
false false <nil>
`
	if string(out) != want {
		t.Errorf("%s\nwant\n%s", out, want)
	}
}

// TestShimThatIsNone executes this program as a shim that nobody has made.
func TestShimThatIsNone(t *testing.T) {
	for _, value := range []string{"", "x", "-1", "0", "3", "1000000", shimPassed} {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), shimVariable+"="+value)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitUnclaimed || !strings.Contains(string(out), "this process was started as a shim") {
			t.Errorf("%q: %v\n%s", value, err, out)
		}
	}
}

func FuzzShimReport(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01setuid 65534 (nobody)"))
	f.Add([]byte("\x00\x00\x00\x00x"))
	f.Add([]byte("abc"))
	f.Fuzz(func(t *testing.T, report []byte) {
		err := shimError(report)
		if (err == nil) != (len(report) == 0) {
			t.Fatalf("%q: %v", report, err)
		}
		if err != nil && !errors.Is(err, ErrIsolation) {
			t.Fatalf("%q: %v", report, err)
		}
	})
}

func FuzzInterpreter(f *testing.F) {
	f.Add([]byte("#!/bin/sh -e\n"))
	f.Add([]byte("#!"))
	if self, err := os.Open("/proc/self/exe"); err == nil {
		head := make([]byte, 4096)
		n, _ := self.Read(head)
		f.Add(head[:n])
		self.Close()
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if name := interpreterOf(bytes.NewReader(file)); len(name) > unix.PathMax {
			t.Fatalf("an interpreter of %d octets", len(name))
		}
	})
}

func TestInterpreters(t *testing.T) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	if got, want := interpreterOf(self), linkerOf(t, "/proc/self/exe"); got != want {
		t.Errorf("of this program: %q, want %q", got, want)
	}
	for text, want := range map[string]string{"#!/bin/sh -e\nx": "/bin/sh", "#!  /x\n": "/x", "#!\n": "", "": "", "\x7fELF": ""} {
		if got := interpreterOf(strings.NewReader(text)); got != want {
			t.Errorf("of %q: %q", text, got)
		}
	}
}

func TestShimReport(t *testing.T) {
	err := shimError([]byte("\x00\x00\x00\x01setuid 65534 (nobody)"))
	if !errors.Is(err, syscall.EPERM) || err.Error() != "fork: isolation: setuid 65534 (nobody): operation not permitted" {
		t.Error(err)
	}
}
