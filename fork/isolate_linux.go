package fork

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// shimFile is this process's program, whatever has become of its file: so shim and
// parent are always of one version.
const shimFile = "/proc/self/exe"

// checkTimeout is how long it may take to find out whether isolation is possible: a
// directory may be on a file system that does not answer.
const checkTimeout = time.Minute

// isolation is what the children of a Backend are isolated with.
type isolation struct {
	plan    plan
	cgroups *cgroups // nil for none
}

// isolate prepares the isolation of all children, and finds out whether it is
// possible. The error is ErrIsolation.
func (b *Backend) isolate() (err error) {
	b.isolation, err = isolate(&b.config.Isolation, !b.config.External(), b.path, b.args)
	return err
}

// isolate does so for children that run a program, this one if own is set; path is
// "" if it is not known yet which. It is nil if there is nothing to restrict.
func isolate(config *Isolation, own bool, path string, args []string) (*isolation, error) {
	if config.None() {
		return nil, nil
	}
	p, err := newPlan(config)
	if err != nil {
		return nil, err
	}
	p.Own = own
	i := &isolation{plan: *p}
	if config.Cgroup != "" {
		if i.cgroups, err = openCgroups(config); err != nil {
			return nil, err
		}
	}
	if err := i.check(path, args); err != nil {
		return nil, err
	}
	if err := canSignal(p.Who); err != nil {
		return nil, err
	}
	return i, nil
}

// write writes down the plan for one child. dir is its working directory, "" for that
// of all. The files are close-on-exec.
func (i *isolation) write(path string, args, env []string, dir string, check bool) (*os.File, error) {
	p := i.plan
	p.Program = []byte(path)
	p.Args, p.Env, p.Check = octets(args), octets(env), check
	if dir != "" {
		p.Dir = []byte(dir)
	}
	return p.file()
}

// group makes the group of a child, nil if there are none.
func (i *isolation) group(name string) (*cgroup, error) {
	if i.cgroups == nil {
		return nil, nil
	}
	return i.cgroups.newGroup(name)
}

// enter makes a process be born in a group.
func (g *cgroup) enter(attr *syscall.SysProcAttr) {
	if g != nil {
		attr.UseCgroupFD, attr.CgroupFD = true, int(g.dir.Fd())
	}
}

// check goes through the plan once with a process that then does nothing.
func (i *isolation) check(path string, args []string) error {
	plan, err := i.write(path, args, os.Environ(), "", true)
	if err != nil {
		return err
	}
	defer plan.Close()
	group, err := i.group("check")
	if err != nil {
		return err
	}
	if group != nil {
		defer group.remove()
	}
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("fork: %w", err)
	}
	defer read.Close()
	var said bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, shimFile)
	if len(args) > 0 {
		cmd.Args = args[:1]
	}
	cmd.WaitDelay = grace
	cmd.Env = shimEnvironment(onPlan)
	cmd.ExtraFiles = []*os.File{plan, write}
	cmd.Stderr = &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	group.enter(cmd.SysProcAttr)
	err = cmd.Start()
	write.Close()
	if err != nil {
		return fmt.Errorf("%w: start: %w", ErrIsolation, err)
	}
	failed := readShim(read)
	err = cmd.Wait()
	switch {
	case failed != nil:
		return failed
	case err != nil:
		first, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return fmt.Errorf("%w: the program does not start in it: %w: %.200s", ErrIsolation, err, printable(first))
	}
	return nil
}

// readShim reads the report of a shim to its end. It is nil if the program was
// executed, or if the shim was killed.
func readShim(f io.Reader) error {
	report, err := io.ReadAll(io.LimitReader(f, maxShimReport+1))
	if err != nil {
		return fmt.Errorf("%w: report: %w", ErrIsolation, err)
	}
	return shimError(report)
}

// execute starts the child's program with these files, by way of the shim if there
// is isolation.
func (p *process) execute(env []string, files []uintptr, pidfd *int) (int, error) {
	b := p.backend
	path := b.path
	if !b.config.External() {
		var err error
		if path, err = b.programs.open(p.spec.Generation, b.path); err != nil {
			return 0, err
		}
	}
	o := origin{path: path, args: b.args, env: env, group: strconv.Itoa(p.spec.Slot), files: files}
	pid, err := o.execute(b.isolation)
	p.group, p.shim, *pidfd = o.cgroup, o.shim, o.pidfd
	return pid, err
}

// origin is how a process is to be born, and what there is of it then.
type origin struct {
	path      string // of the program
	args, env []string
	dir       string // working directory; "": that of all
	group     string // how its group is to be called
	files     []uintptr

	pidfd  int      // -1 where the kernel has none
	shim   *os.File // where the shim reports; nil without isolation
	cgroup *cgroup  // nil for none
}

// execute starts the program in a process group of its own, by way of the shim if
// there is isolation. The caller closes what there is of it, whatever the error.
func (o *origin) execute(i *isolation) (int, error) {
	o.pidfd = -1
	sys := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, PidFD: &o.pidfd}
	if i == nil {
		return syscall.ForkExec(o.path, o.args, &syscall.ProcAttr{Dir: o.dir, Env: o.env, Files: o.files, Sys: sys})
	}
	plan, err := i.write(o.path, o.args, o.env, o.dir, false)
	if err != nil {
		return 0, err
	}
	defer plan.Close()
	if o.cgroup, err = i.group(o.group); err != nil {
		return 0, err
	}
	o.cgroup.enter(sys)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return 0, err
	}
	defer unix.Close(pipe[1])
	unix.SetNonblock(pipe[0], true)
	o.shim = os.NewFile(uintptr(pipe[0]), "shim")
	at := len(o.files)
	files := append(o.files, plan.Fd(), uintptr(pipe[1]))
	return syscall.ForkExec(shimFile, o.args, &syscall.ProcAttr{Env: shimEnvironment(at), Files: files, Sys: sys})
}

// attend waits until the shim has executed the program, or has said why it could
// not. It reports whether the program runs, as far as is known.
func (p *process) attend() bool {
	err := readShim(p.shim)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false // the process has ended, and something else has the pipe
	}
	if err != nil {
		p.fail(err)
	}
	return err == nil
}
