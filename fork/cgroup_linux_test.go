package fork

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/pool"
)

// cgroup2 is where the cgroup2 file system is mounted, "" if it is not.
func cgroup2(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return f[1]
		}
	}
	return ""
}

// delegated makes a directory for groups as an operator would. It is "" where the
// system has no such thing or does not let us: the tests then have to do with the
// message that says so.
func delegated(t *testing.T) string {
	t.Helper()
	mount := cgroup2(t)
	if mount == "" {
		t.Log("no cgroup2 file system is mounted: only its absence is tested")
		return ""
	}
	dir, err := os.MkdirTemp(mount, "test-")
	if err != nil {
		t.Logf("%s cannot be written, only that is tested: %v", mount, err)
		return ""
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Errorf("groups are left over: %v", err)
		}
	})
	return dir
}

// groupsOf are the groups below a directory.
func groupsOf(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*", "cgroup.procs"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		list[i] = filepath.Base(filepath.Dir(list[i]))
	}
	return list
}

func TestCgroupThatIsNone(t *testing.T) {
	for dir, want := range map[string]string{
		t.TempDir():  "is not in a cgroup2 file system",
		"/no/such/x": "no such file or directory",
	} {
		err := newBackend(t, func(c *Config) { c.Isolation.Cgroup = dir })
		if !errors.Is(err, ErrIsolation) || err.Error() != "fork: isolation: cgroup "+dir+": "+want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestGroupPerChild(t *testing.T) {
	dir := delegated(t)
	if dir == "" {
		return
	}
	h := newHarness(t, func(c *Config) { c.Isolation.Cgroup = dir })
	w := h.ready(3)
	name := fmt.Sprintf("bident-%d-3", os.Getpid())
	if got := groupsOf(t, dir); !slices.Equal(got, []string{name}) {
		t.Fatalf("groups %q, want %s", got, name)
	}
	// Another pool of the same server has the same slot.
	other := newHarness(t, func(c *Config) { external(c); c.Isolation.Cgroup = dir })
	v := other.ready(3)
	if got := groupsOf(t, dir); !slices.Equal(got, []string{name, name + ".2"}) {
		t.Fatalf("groups %q", got)
	}
	procs, _ := os.ReadFile(filepath.Join(dir, name, "cgroup.procs"))
	if strings.TrimSpace(string(procs)) != fmt.Sprint(w.PID()) {
		t.Errorf("in the group: %q, want %d", procs, w.PID())
	}
	v.Kill()
	v.left("", "signal: killed")
	// What the child has started and sent out of its process group dies with it.
	grandchild := h.ask("grandchild elsewhere")
	w.Retire()
	w.left("", "")
	if got := groupsOf(t, dir); len(got) > 0 {
		t.Errorf("left over: %q", got)
	}
	var pid int
	fmt.Sscan(grandchild, &pid)
	if pid == 0 || !dead(pid) {
		t.Errorf("process %s is still there", grandchild)
	}
}

func TestGroupsOfTheDead(t *testing.T) {
	dir := delegated(t)
	if dir == "" {
		return
	}
	left := filepath.Join(dir, "bident-1-0") // nobody has it locked, whoever process 1 is
	held := filepath.Join(dir, "bident-999999999-1")
	for _, path := range []string{left, held} {
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	g, err := openGroup(held)
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, func(c *Config) { c.Isolation.Cgroup = dir })
	if got := groupsOf(t, dir); !slices.Equal(got, []string{filepath.Base(held)}) {
		t.Errorf("groups %q", got)
	}
	if err := g.remove(); err != nil {
		t.Error(err)
	}
	h.backend.Close()
}

// TestGroupLimits sets limits where the kernel has the controllers, and reads the
// message where it has not.
func TestGroupLimits(t *testing.T) {
	dir := delegated(t)
	if dir == "" {
		return
	}
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		t.Fatal(err)
	}
	have := strings.Fields(string(text))
	limit := func(c *Config) {
		c.Isolation.Cgroup, c.Isolation.CgroupMemoryMax, c.Isolation.CgroupCPUMax = dir, 64<<20, 0.5
	}
	if !slices.Contains(have, "memory") || !slices.Contains(have, "cpu") {
		t.Logf("this kernel has only %q: the message is what is tested", have)
		err := newBackend(t, limit)
		if !errors.Is(err, ErrIsolation) || !strings.Contains(fmt.Sprint(err), " controller for Cgroup") {
			t.Errorf("without controllers: %v", err)
		}
		return
	}
	h := newHarness(t, limit)
	w := h.ready(0)
	group := filepath.Join(dir, fmt.Sprintf("bident-%d-0", os.Getpid()))
	for file, want := range map[string]string{"memory.max": "67108864", "cpu.max": "50000 100000"} {
		if got, _ := os.ReadFile(filepath.Join(group, file)); strings.TrimSpace(string(got)) != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
	h.begin("eat memory")
	w.left(pool.CauseCrash, "signal: killed")
}

// TestGroupMessages goes through what a kernel may have and not have, in a
// directory that looks like a cgroup.
func TestGroupMessages(t *testing.T) {
	for _, c := range []struct{ have, on, want string }{
		{"cpu io", "", `no memory controller for CgroupMemoryMax: cgroup.controllers has "cpu io"`},
		{"cpu memory", "memory", ""},
		{"cpu memory", "", ""},
		{"", "memory", ""},
	} {
		dir := t.TempDir()
		os.WriteFile(filepath.Join(dir, "cgroup.controllers"), []byte(c.have+"\n"), 0o644)
		os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(c.on+"\n"), 0o644)
		err := (&cgroups{dir: dir}).enable(map[string]string{"memory": "CgroupMemoryMax"})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasSuffix(err.Error(), ": "+c.want)) {
			t.Errorf("%q, %q: %v, want %q", c.have, c.on, err, c.want)
		}
	}
	busy := (&cgroups{dir: "/x"}).wrong("there are processes in it: ", unix.EBUSY)
	if !errors.Is(busy, unix.EBUSY) {
		t.Error(busy)
	}
}
