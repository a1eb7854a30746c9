package fork

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// groupPrefix is how the names of all groups for children begin.
const groupPrefix = "bident-"

// cgroups is a directory of the cgroup2 file system in which children get groups.
type cgroups struct {
	dir    string
	limits map[string]string // file of a group: what is written there
}

// openCgroups sees to it that groups with these limits can be made, and removes
// those of servers that are gone.
func openCgroups(i *Isolation) (*cgroups, error) {
	c := &cgroups{dir: i.Cgroup, limits: make(map[string]string)}
	need := make(map[string]string) // controller: field
	if n := i.CgroupMemoryMax; n > 0 {
		c.limits["memory.max"], need["memory"] = strconv.FormatInt(n, 10), "CgroupMemoryMax"
	}
	if n := i.CgroupCPUMax; n > 0 {
		c.limits["cpu.max"], need["cpu"] = cpuMax(n), "CgroupCPUMax"
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(c.dir, &fs); err != nil {
		return nil, c.wrong("", err)
	}
	if fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return nil, fmt.Errorf("%w: cgroup %s: is not in a cgroup2 file system", ErrIsolation, c.dir)
	}
	if err := c.enable(need); err != nil {
		return nil, err
	}
	c.sweep()
	return c, nil
}

func (c *cgroups) wrong(what string, err error) error {
	if path := new(os.PathError); errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("%w: cgroup %s: %s%w", ErrIsolation, c.dir, what, err)
}

// enable makes the controllers work in the groups below.
func (c *cgroups) enable(need map[string]string) error {
	have, err := c.words("cgroup.controllers")
	if err != nil {
		return err
	}
	on, err := c.words("cgroup.subtree_control")
	if err != nil {
		return err
	}
	for controller, field := range need {
		if slices.Contains(on, controller) {
			continue
		}
		if !slices.Contains(have, controller) {
			return fmt.Errorf("%w: cgroup %s: no %s controller for %s: cgroup.controllers has %q",
				ErrIsolation, c.dir, controller, field, strings.Join(have, " "))
		}
		err := os.WriteFile(filepath.Join(c.dir, "cgroup.subtree_control"), []byte("+"+controller), 0)
		if errors.Is(err, unix.EBUSY) {
			return c.wrong("there are processes in it, so it cannot have groups with a "+controller+" controller: ", err)
		}
		if err != nil {
			return c.wrong("enable "+controller+" in cgroup.subtree_control: ", err)
		}
	}
	return nil
}

func (c *cgroups) words(name string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		return nil, c.wrong(name+": ", err)
	}
	return strings.Fields(string(text)), nil
}

// sweep removes the groups of servers that are gone. Whose server lives is locked
// by it.
func (c *cgroups) sweep() {
	list, err := filepath.Glob(filepath.Join(c.dir, groupPrefix+"*"))
	if err != nil {
		return // only of a malformed pattern
	}
	for _, path := range list {
		if g, err := openGroup(path); err == nil {
			g.remove()
		}
	}
}

// cgroup is the group of one child, locked for as long as it is in use.
type cgroup struct {
	path string
	dir  *os.File
}

// openGroup opens a group that is nobody's.
func openGroup(path string) (*cgroup, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		dir.Close()
		return nil, err
	}
	return &cgroup{path, dir}, nil
}

// newGroup makes the group of a child.
func (c *cgroups) newGroup(name string) (*cgroup, error) {
	path := filepath.Join(c.dir, fmt.Sprintf("%s%d-%s", groupPrefix, os.Getpid(), name))
	err := os.Mkdir(path, 0o755)
	// Another pool of this server has this slot, too, or a group is still being
	// cleared.
	for n := 2; errors.Is(err, os.ErrExist) && n < 1000; n++ {
		path = filepath.Join(c.dir, fmt.Sprintf("%s%d-%s.%d", groupPrefix, os.Getpid(), name, n))
		err = os.Mkdir(path, 0o755)
	}
	if err != nil {
		return nil, c.wrong("make a group: ", err)
	}
	g, err := openGroup(path)
	if err != nil {
		os.Remove(path)
		return nil, c.wrong("open a group: ", err)
	}
	for file, limit := range c.limits {
		if err := os.WriteFile(filepath.Join(path, file), []byte(limit), 0); err != nil {
			g.remove()
			return nil, c.wrong(file+" "+limit+": ", err)
		}
	}
	return g, nil
}

// remove kills all that is in the group and removes it. It waits for what is being
// killed, but not for ever: what is left is removed by the next server.
func (g *cgroup) remove() error {
	defer g.dir.Close()
	deadline := time.Now().Add(grace)
	for {
		err := unix.Rmdir(g.path)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			return fmt.Errorf("fork: cgroup %s: %w", g.path, err)
		}
		g.kill()
		time.Sleep(time.Millisecond) // nobody announces it
	}
}

// kill kills all that is in the group, one by one where the kernel is too old to do
// it.
func (g *cgroup) kill() {
	err := os.WriteFile(filepath.Join(g.path, "cgroup.kill"), []byte("1"), 0)
	if err == nil {
		return
	}
	text, err := os.ReadFile(filepath.Join(g.path, "cgroup.procs"))
	if err != nil {
		return
	}
	for _, word := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(word); err == nil && pid > 1 {
			unix.Kill(pid, unix.SIGKILL)
		}
	}
}
