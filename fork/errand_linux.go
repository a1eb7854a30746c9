package fork

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/pool"
)

// Launcher starts processes that serve one request each, all by one thread, so that
// the kernel kills them when this process dies.
type Launcher struct {
	path      string // of the program, "" if there are several
	isolation *isolation
	spawner   *spawner

	mu     sync.Mutex
	live   map[*Errand]bool
	none   *sync.Cond // no process is left
	closed bool
}

// NewLauncher makes a launcher. As after New, no descriptor but the first three gets
// into what this process executes. The error is ErrConfig, ErrIsolation, or says that
// there is no such program.
func NewLauncher(config LauncherConfig) (*Launcher, error) {
	if err := config.Isolation.Validate(); err != nil {
		return nil, err
	}
	l := &Launcher{live: make(map[*Errand]bool)}
	l.none = sync.NewCond(&l.mu)
	var err error
	if len(config.Program) > 0 {
		if l.path, err = findProgram(config.Program[0], config.Isolation.Chroot); err != nil {
			return nil, err
		}
	}
	if err := disinherit(3); err != nil {
		return nil, err
	}
	if l.isolation, err = isolate(&config.Isolation, false, l.path, config.Program); err != nil {
		return nil, err
	}
	l.spawner = newSpawner(pool.MaxSlots)
	return l, nil
}

// findProgram is the absolute path of a program's file.
func findProgram(name, chroot string) (string, error) {
	if chroot != "" { // it is absolute, inside
		return name, nil
	}
	path, err := exec.LookPath(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", fmt.Errorf("fork: program: %w", err)
	}
	return path, nil
}

// Path is that of the program, "" if there are several.
func (l *Launcher) Path() string { return l.path }

// Start starts a process in a process group of its own, with nothing open but the
// three standard descriptors. Bury and Close must be called in the end. The error is
// ErrClosed after Close.
func (l *Launcher) Start(c Program) (*Errand, error) {
	e := &Errand{launcher: l, ended: make(chan struct{}), told: make(chan struct{})}
	born := make(chan error, 1)
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, ErrClosed
	}
	l.live[e] = true
	l.spawner.births <- func() { born <- e.launch(&c) }
	l.mu.Unlock()
	if err := <-born; err != nil {
		l.forget(e)
		return nil, fmt.Errorf("fork: %s: %w", c.Path, err)
	}
	if e.shim != nil {
		go e.attend()
	} else {
		close(e.told)
	}
	go e.await()
	return e, nil
}

// forget strikes off a process that is gone.
func (l *Launcher) forget(e *Errand) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.live, e)
	l.none.Broadcast()
}

// Close kills what is left of the processes, and waits until they have been buried.
func (l *Launcher) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	for e := range l.live {
		e.Kill()
	}
	for len(l.live) > 0 {
		l.none.Wait()
	}
	l.spawner.stop()
}

// Errand is a process that was started for one request.
type Errand struct {
	launcher *Launcher
	pipes    pipes
	pid      int
	pidfd    *os.File
	group    *cgroup
	shim     *os.File
	told     chan struct{} // closed when the shim has said what it has to say
	failure  error         // what that was, once told is closed
	ended    chan struct{}

	mu        sync.Mutex
	condemned bool // killed before it was born
	buried    bool
	timer     *time.Timer
}

// launch starts the process; it runs in the spawner's thread.
func (e *Errand) launch(c *Program) (err error) {
	if e.pipes, err = openPipes(c.Input); err != nil {
		return err
	}
	o := origin{path: c.Path, args: c.Args, env: c.Env, dir: c.Dir, group: "cgi"}
	for _, f := range e.pipes.theirs {
		o.files = append(o.files, f.Fd())
	}
	pid, err := o.execute(e.launcher.isolation)
	e.pipes.closeTheirs()
	e.group, e.shim = o.cgroup, o.shim
	if err != nil {
		e.pipes.close()
		e.release()
		return err
	}
	if o.pidfd >= 0 {
		unix.SetNonblock(o.pidfd, true)
		e.pidfd = os.NewFile(uintptr(o.pidfd), "pidfd")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pid = pid; e.condemned {
		unix.Kill(-pid, syscall.SIGKILL)
	}
	return nil
}

// attend waits for what the shim has to say.
func (e *Errand) attend() {
	defer close(e.told)
	if err := readShim(e.shim); !errors.Is(err, os.ErrDeadlineExceeded) {
		e.failure = err
	}
}

// await waits for the end of the process.
func (e *Errand) await() {
	awaitEnd(e.pid, e.pidfd)
	close(e.ended)
}

// Terminate tells the process, and all that it has started, to end. What is left of
// them after a second is killed.
func (e *Errand) Terminate() {
	e.signal(syscall.SIGTERM)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.timer == nil && !e.buried {
		e.timer = time.AfterFunc(terminatePatience, e.Kill)
	}
}

// Kill kills the process and all that it has started.
func (e *Errand) Kill() { e.signal(syscall.SIGKILL) }

// signal sends a signal to the process group. Until it is buried its number is
// nobody else's.
func (e *Errand) signal(s syscall.Signal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.pid == 0:
		e.condemned = true
	case !e.buried:
		unix.Kill(-e.pid, s)
	}
}

// Bury waits for the end of the process, kills what it has left behind in its group,
// and returns how it ended: "" for well, "exit 3", "signal: killed". An error says why
// the program could not be executed. It must be called, once.
func (e *Errand) Bury() (exit string, err error) {
	<-e.ended
	var status syscall.WaitStatus
	e.mu.Lock()
	unix.Kill(-e.pid, syscall.SIGKILL)
	for {
		if _, err := syscall.Wait4(e.pid, &status, 0, nil); err != syscall.EINTR {
			break
		}
	}
	e.buried = true
	if e.timer != nil {
		e.timer.Stop()
	}
	e.mu.Unlock()
	if e.shim != nil {
		_ = e.shim.SetReadDeadline(time.Now().Add(grace))
	}
	<-e.told
	e.release()
	e.launcher.forget(e)
	return exitText(status), e.failure
}

// release gives back what belongs to the process, but for the pipes.
func (e *Errand) release() {
	if e.pidfd != nil {
		e.pidfd.Close()
	}
	if e.shim != nil {
		e.shim.Close()
	}
	if e.group != nil {
		_ = e.group.remove() // or else the next server does
	}
}
