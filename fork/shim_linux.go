package fork

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The shim is this program for the moment between fork and exec: a child that is
// to be isolated first executes it, with the plan for what is to become of it. It
// runs in package initialisation, so nothing else of the program does, and ends by
// executing the child's program in the same process: pid, process group, control
// socket and all else stay.

// shimVariable is the environment variable that makes a process a shim: the number
// of the descriptor of the plan, after which comes the one for what went wrong.
const shimVariable = "BIDENT_SHIM"

// shimPassed is the variable's value in a program that was executed only in order
// to see whether that is possible. It still has the plan that says so, as onPlan: a
// variable alone must not keep a server from starting.
const (
	shimPassed = "passed"
	onPlan     = 3
)

// exitIsolation is the exit status of a shim that could not do its work.
const exitIsolation = 71

// shimEnvironment is that of a shim. One thread runs Go code, so that none is about
// to start another one when the program is executed; and what little the shim
// allocates needs no collecting.
func shimEnvironment(plan int) []string {
	return last(append(os.Environ(), shimVariable+"="+strconv.Itoa(plan), "GOMAXPROCS=1", "GOGC=off"))
}

// shim does what the plan says and does not return.
func shim(value string) {
	if value == shimPassed {
		if p, err := readPlan(os.NewFile(onPlan, "plan")); err != nil || !p.Check {
			noShim(value, err)
		}
		os.Exit(0)
	}
	runtime.LockOSThread() // nice, processors and more belong to the thread
	fd, err := strconv.Atoi(value)
	if err == nil && fd < 3 {
		err = strconv.ErrRange
	}
	if err != nil {
		noShim(value, err)
	}
	file := os.NewFile(uintptr(fd), "plan")
	p, err := readPlan(file)
	if err != nil {
		noShim(value, err)
	}
	s := shimmed{plan: p, file: file, program: -1}
	for _, step := range s.steps() {
		if err := step.do(); err != nil {
			tell(fd+1, step.what, err)
			os.Exit(exitIsolation)
		}
	}
	os.Exit(0) // a check
}

// noShim ends a process that has the variable and no plan, or another one.
func noShim(value string, err error) {
	if err == nil {
		err = errors.New("plan: not that of a check")
	}
	fmt.Fprintf(os.Stderr, "this process was started as a shim, by the variable %s=%q: %v\n", shimVariable, value, err)
	os.Exit(exitUnclaimed)
}

// shimmed is a process that carries its plan out.
type shimmed struct {
	*plan
	file    *os.File // the plan's
	program int      // open, for a program in Go
}

// step is one thing to do, and how it is called when it cannot be done.
type step struct {
	what string
	do   func() error
}

// steps are all things to do. What needs rights comes before the identity changes;
// the limits themselves come last, since this process must be able to run.
func (s *shimmed) steps() []step {
	var list []step
	add := func(wanted bool, do func() error, format string, args ...any) {
		if wanted {
			list = append(list, step{fmt.Sprintf(format, args...), do})
		}
	}
	limits := slices.Sorted(maps.Keys(s.Limits))
	// Behind what is the child's come plan and pipe, and what is nobody's.
	add(true, func() error { return disinherit(int(s.file.Fd())) }, "descriptors")
	for _, name := range limits {
		add(true, func() error { return raiseLimit(name, s.Limits[name]) }, "rlimit %s %d", name, s.Limits[name])
	}
	add(s.Nice != 0, func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, s.Nice) }, "nice %d", s.Nice)
	add(len(s.CPUs) > 0, s.bindCPUs, "cpus %v", s.CPUs)
	add(s.Umask != noUmask, func() error { unix.Umask(s.Umask); return nil }, "umask %03o", s.Umask)
	add(s.Own, s.open, "program %s", s.Program)
	add(len(s.Chroot) > 0, func() error { return unix.Chroot(string(s.Chroot)) }, "chroot %s", s.Chroot)
	add(len(s.Dir) > 0, func() error { return unix.Chdir(string(s.Dir)) }, "working directory %s", s.Dir)
	add(s.Who.Groups != nil, s.Who.setGroups, "setgroups %v", s.Who.Groups)
	gid, uid := s.Who.GID, s.Who.UID
	add(gid != sameID, func() error { return syscall.Setresgid(gid, gid, gid) }, "setgid %s", s.Who.groupText())
	add(uid != sameID, func() error { return syscall.Setresuid(uid, uid, uid) }, "setuid %s", s.Who.userText())
	add(uid > 0, abandonThread, "capabilities of %s", s.Who.userText())
	add(s.NoNewPrivs, func() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, "no_new_privs")
	// Another user is nobody's child in the kernel's eyes.
	add(true, func() error { return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0) }, "parent death signal")
	add(true, s.haveParent, "parent %d", s.Parent)
	for _, name := range limits {
		add(true, func() error { return setLimit(name, s.Limits[name], s.Limits[name]) }, "rlimit %s %d", name, s.Limits[name])
	}
	switch {
	case s.Own:
		add(true, s.executeOwn, "exec %s", s.Program)
	case s.Check:
		add(len(s.Program) > 0, s.executable, "program %s", s.Program)
	default:
		add(true, s.execute, "exec %s", s.Program)
	}
	return list
}

// resources are the kernel's numbers of limits.
var resources = map[string]int{
	"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA,
	"fsize": unix.RLIMIT_FSIZE, "memlock": unix.RLIMIT_MEMLOCK, "nofile": unix.RLIMIT_NOFILE,
	"nproc": unix.RLIMIT_NPROC, "stack": unix.RLIMIT_STACK,
}

// raiseLimit sees to it that a limit may later be set to n, which only needs rights
// if it is more than now.
func raiseLimit(name string, n int64) error {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(resources[name], &now); err != nil {
		return err
	}
	if uint64(n) <= uint64(now.Max) { // -1, no limit, is the greatest number
		return nil
	}
	return setLimit(name, int64(now.Cur), n)
}

// setLimit goes through package syscall, which must not put back its own idea of
// the number of descriptors when the program is executed.
func setLimit(name string, soft, hard int64) error {
	return syscall.Setrlimit(resources[name], &syscall.Rlimit{Cur: uint64(soft), Max: uint64(hard)})
}

func (s *shimmed) bindCPUs() error {
	var set unix.CPUSet
	for _, n := range s.CPUs {
		set.Set(n)
	}
	return unix.SchedSetaffinity(0, &set)
}

// open opens the program's file by its name only. The new user need not be able to
// reach it, but to execute it.
func (s *shimmed) open() (err error) {
	s.program, err = unix.Open(string(s.Program), unix.O_PATH|unix.O_CLOEXEC, 0)
	return err
}

// haveParent makes sure that the parent was not gone before its death could have
// been noticed.
func (s *shimmed) haveParent() error {
	if unix.Getppid() != s.Parent {
		return unix.ESRCH
	}
	return nil
}

// executeOwn executes the program that was opened. It keeps Go's scheduler from
// noticing: nothing must begin to run here any more.
func (s *shimmed) executeOwn() error {
	env := texts(s.Env)
	if s.Check {
		env = append(env, shimVariable+"="+shimPassed)
		if _, err := unix.FcntlInt(s.file.Fd(), unix.F_SETFD, 0); err != nil { // stays open
			return err
		}
	}
	argv, err := syscall.SlicePtrFromStrings(texts(s.Args))
	if err != nil {
		return err
	}
	envp, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return err
	}
	empty := []byte{0}
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(s.program), uintptr(unsafe.Pointer(&empty[0])),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envp[0])), unix.AT_EMPTY_PATH, 0)
	return s.lacking(errno)
}

// execute executes a program by its path.
func (s *shimmed) execute() error {
	return s.lacking(syscall.Exec(string(s.Program), texts(s.Args), texts(s.Env)))
}

// lacking says more about a file that is there and is not found.
func (s *shimmed) lacking(err error) error {
	if len(s.Chroot) > 0 && errors.Is(err, unix.ENOENT) && s.Own {
		return fmt.Errorf("it was built with cgo, and what it is linked with is not inside the chroot: it needs nothing there if it is built with CGO_ENABLED=0: %w", err)
	}
	if len(s.Chroot) > 0 && errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("it, or the interpreter or dynamic linker that it names, is not inside the chroot: %w", err)
	}
	return err
}

// executable finds out whether the program could be executed.
func (s *shimmed) executable() error {
	missing, err := executable(string(s.Program))
	if missing != "" {
		return fmt.Errorf("its interpreter or dynamic linker %s: %w", missing, err)
	}
	return err
}

// maxShimReport is the size of the longest report of a shim.
const maxShimReport = 4096

// tell reports what could not be done: the number of the error, 4 bytes, big endian,
// and in words what it was.
func tell(fd int, what string, err error) {
	var errno syscall.Errno
	if errors.As(err, &errno) && err != error(errno) {
		what += ": " + err.Error()
		what = what[:len(what)-len(": "+errno.Error())]
	} else if errno == 0 {
		what += ": " + err.Error()
	}
	report := append(binary.BigEndian.AppendUint32(nil, uint32(errno)), what...)
	unix.Write(fd, report[:min(len(report), maxShimReport)])
}

// shimError is what a report says; nil of an empty one.
func shimError(report []byte) error {
	if len(report) == 0 {
		return nil
	}
	if len(report) < 4 || len(report) > maxShimReport {
		return fmt.Errorf("%w: a report of %d octets", ErrIsolation, len(report))
	}
	what := printable(string(report[4:]))
	if errno := syscall.Errno(binary.BigEndian.Uint32(report)); errno != 0 {
		return fmt.Errorf("%w: %s: %w", ErrIsolation, what, errno)
	}
	return fmt.Errorf("%w: %s", ErrIsolation, what)
}
