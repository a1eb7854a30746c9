//go:build !linux

package fork

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// Launcher starts processes that serve one request each. On this system they are not
// isolated, and those of a server that is killed go on.
type Launcher struct {
	path string

	mu     sync.Mutex
	live   map[*Errand]bool
	none   *sync.Cond
	closed bool
}

// NewLauncher makes a launcher. The error is errors.ErrUnsupported if there is
// isolation, or says that there is no such program.
func NewLauncher(config LauncherConfig) (*Launcher, error) {
	if !config.Isolation.None() {
		return nil, fmt.Errorf("%w: %w", ErrIsolation, errors.ErrUnsupported)
	}
	l := &Launcher{live: make(map[*Errand]bool)}
	l.none = sync.NewCond(&l.mu)
	if len(config.Program) > 0 {
		path, err := exec.LookPath(config.Program[0])
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err != nil {
			return nil, fmt.Errorf("fork: program: %w", err)
		}
		l.path = path
	}
	return l, nil
}

// Path is that of the program, "" if there are several.
func (l *Launcher) Path() string { return l.path }

// Start starts a process with nothing open but the three standard descriptors. Bury
// and Close must be called in the end. The error is ErrClosed after Close.
func (l *Launcher) Start(c Program) (*Errand, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	p, err := openPipes(c.Input)
	if err != nil {
		return nil, fmt.Errorf("fork: %s: %w", c.Path, err)
	}
	defer p.closeTheirs()
	e := &Errand{launcher: l, pipes: p, ended: make(chan struct{})}
	e.cmd = &exec.Cmd{
		Path: c.Path, Args: c.Args, Env: c.Env, Dir: c.Dir,
		Stdin: p.theirs[0], Stdout: p.theirs[1], Stderr: p.theirs[2],
		SysProcAttr: ownGroup(),
	}
	if err := e.cmd.Start(); err != nil {
		p.close()
		return nil, fmt.Errorf("fork: %s: %w", c.Path, err)
	}
	e.pid = e.cmd.Process.Pid
	l.live[e] = true
	go e.await()
	return e, nil
}

// Close kills what is left of the processes, and waits until they have been buried.
func (l *Launcher) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for e := range l.live {
		e.Kill()
	}
	for len(l.live) > 0 {
		l.none.Wait()
	}
}

// Errand is a process that was started for one request.
type Errand struct {
	launcher *Launcher
	pipes    pipes
	cmd      *exec.Cmd
	pid      int
	ended    chan struct{}

	mu    sync.Mutex
	over  bool
	exit  string
	timer *time.Timer
}

func (e *Errand) await() {
	err := e.cmd.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = true
	if state := e.cmd.ProcessState; err != nil && state != nil && state.ExitCode() > 0 {
		e.exit = fmt.Sprintf("exit %d", state.ExitCode())
	} else if err != nil {
		e.exit = err.Error() // "signal: killed"
	}
	close(e.ended)
}

// Terminate tells the process, and all that it has started, to end. What is left of
// them after a second is killed.
func (e *Errand) Terminate() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		return
	}
	terminateGroup(e.cmd.Process)
	if e.timer == nil {
		e.timer = time.AfterFunc(terminatePatience, e.Kill)
	}
}

// Kill kills the process and all that it has started.
func (e *Errand) Kill() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		killGroup(e.cmd.Process)
	}
}

// Bury waits for the end of the process and returns how it ended: "" for well,
// "exit 3", "signal: killed". It must be called, once.
func (e *Errand) Bury() (exit string, err error) {
	<-e.ended
	e.mu.Lock()
	if e.timer != nil {
		e.timer.Stop()
	}
	e.mu.Unlock()
	l := e.launcher
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.live, e)
	l.none.Broadcast()
	return e.exit, nil
}
