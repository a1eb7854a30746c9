package httpd_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

var lefts, responderServed atomic.Int64

// patience bounds every wait for something that has to happen.
const patience = 30 * time.Second

// kind is one kind of worker. The scenarios do not look at what is in here.
type kind struct {
	name string
	// make makes the server's mode and handler.
	make func(t *testing.T, s *httpd.Server)
	// moves says that a worker can leave without any client noticing, because
	// connections belong to the front; without it a connection on which no
	// request has begun may be closed.
	moves bool
}

var kinds = []kind{
	{"emulate c=1", func(t *testing.T, s *httpd.Server) {
		s.Handler = httpd.Fast(suiteHandler)
	}, true},
	{"emulate c=4", func(t *testing.T, s *httpd.Server) {
		s.Handler, s.Pool.Concurrency = httpd.Fast(suiteHandler), 4
	}, true},
	{"fork request c=1", func(t *testing.T, s *httpd.Server) {
		s.Mode, s.Handler = httpd.Fork, httpd.Fast(suiteHandler)
	}, true},
	{"fork slot c=4", func(t *testing.T, s *httpd.Server) {
		s.Mode, s.Accept, s.Handler, s.Pool.Concurrency = httpd.Fork, httpd.AcceptSlot, httpd.Fast(suiteHandler), 4
	}, true},
	{"program in Go", func(t *testing.T, s *httpd.Server) {
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		s.Handler, s.Env = httpd.Program(exe), []string{responderVariable + "=1"}
	}, true},
	{"program with libfcgi", func(t *testing.T, s *httpd.Server) {
		s.Handler = httpd.Program(libfcgiResponder(t))
	}, true},
}

// accepting is a kind of worker that owns connections.
func accepting(a httpd.Accept, concurrency int) kind {
	return kind{fmt.Sprintf("fork %s c=%d", a, concurrency), func(t *testing.T, s *httpd.Server) {
		s.Mode, s.Accept, s.Handler, s.Pool.Concurrency = httpd.Fork, a, httpd.Fast(suiteHandler), concurrency
	}, true}
}

// owns reports whether the workers own connections, which die with those that are
// killed.
func (k kind) owns() bool {
	return strings.HasPrefix(k.name, "fork ") && !strings.HasPrefix(k.name, "fork request")
}

// single reports whether the workers own connections, one at a time: those that are
// idle are with the parent.
func (k kind) single() bool { return k.owns() && strings.HasSuffix(k.name, " c=1") }

// acceptingKinds are more ways to accept, and rareKinds those that the scenarios
// about the lives of workers and connections are enough for.
var (
	acceptingKinds = []kind{
		accepting(httpd.AcceptShared, 4), accepting(httpd.AcceptDispatch, 4), accepting(httpd.AcceptClassic, 1),
	}
	rareKinds = []kind{
		accepting(httpd.AcceptDispatch, 1), accepting(httpd.AcceptSlot, 1), accepting(httpd.AcceptFlock, 4),
		accepting(httpd.AcceptSemaphore, 4), accepting(httpd.AcceptPipe, 4),
	}
)

// usualKinds are those that most scenarios need.
func usualKinds() []kind { return slices.Concat(kinds, acceptingKinds) }

// everyKind runs a scenario over every kind of worker, and everyRareKind over still
// more, side by side.
func everyKind(t *testing.T, scenario func(t *testing.T, k kind)) {
	each(t, append(usualKinds(), upstreamKind), scenario)
}
func everyRareKind(t *testing.T, scenario func(t *testing.T, k kind)) {
	sideBySide(t, slices.Concat(usualKinds(), rareKinds), scenario)
}

// loadedKinds are those for scenarios with many births. What follows the first lock
// differs in how that is taken, which the others see.
func loadedKinds() []kind { return slices.Concat(kinds, acceptingKinds, rareKinds[:3]) }

// frontKinds are those whose clients are served in different ways, whatever is behind
// that: for scenarios that wait.
func frontKinds() []kind { return slices.Concat(kinds[:5], acceptingKinds[1:]) }

// The kinds with a Go handler, and those whose workers are processes.
func handlerKinds() []kind { return slices.Concat(kinds[:4], acceptingKinds) }
func processKinds() []kind { return slices.Concat(kinds[2:], acceptingKinds) }

// each runs a scenario over some kinds of worker.
func each(t *testing.T, some []kind, scenario func(t *testing.T, k kind)) {
	for _, k := range some {
		t.Run(k.name, func(t *testing.T) { scenario(t, k) })
	}
}

// sideBySide is atOnce for a scenario that computes all the time: no more run than there
// are processors, but two at least.
func sideBySide(t *testing.T, some []kind, scenario func(t *testing.T, k kind)) {
	t.Helper()
	processors := make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))
	atOnce(t, some, func(t *testing.T, k kind) {
		processors <- struct{}{}
		defer func() { <-processors }()
		scenario(t, k)
	})
}

// atOnce runs a scenario that mostly waits over some kinds of worker, several at the same
// time; see TestMain.
func atOnce(t *testing.T, some []kind, scenario func(t *testing.T, k kind)) {
	each(t, some, func(t *testing.T, k kind) {
		t.Parallel()
		scenario(t, k.with(func(s *httpd.Server) {
			s.Name = fmt.Sprintf("%s %d", suiteName, suites.Add(1))
			if s.Mode == httpd.Fork {
				s.Env = append(s.Env, nameVariable+"="+s.Name)
			}
		}))
	})
}

// suites counts servers with names of their own.
var suites atomic.Int64

// with is the kind with something else about its server.
func (k kind) with(change func(s *httpd.Server)) kind {
	before := k.make
	k.make = func(t *testing.T, s *httpd.Server) {
		before(t, s)
		change(s)
	}
	return k
}

// libfcgi is the C responder, compiled once.
var libfcgi struct {
	once sync.Once
	path string
	err  error
}

func libfcgiResponder(t *testing.T) string {
	t.Helper()
	libfcgi.once.Do(func() {
		dir, err := os.MkdirTemp("", "bident-test-")
		if err != nil {
			libfcgi.err = err
			return
		}
		os.Chmod(dir, 0o755) // whoever it runs as
		libfcgi.path = filepath.Join(dir, "responder")
		out, err := exec.Command("cc", "-O2", "-o", libfcgi.path, "testdata/responder.c", "-lfcgi").CombinedOutput()
		if err != nil {
			libfcgi.err = fmt.Errorf("%w\n%s", err, out)
			os.RemoveAll(dir)
		}
	})
	if libfcgi.err == nil {
		return libfcgi.path
	}
	const need = "this kind of worker needs a C compiler and libfcgi (Debian: gcc libfcgi-dev)"
	if os.Getenv("CI") != "" {
		t.Fatalf("%s: %v", need, libfcgi.err)
	}
	t.Skipf("%s: %v", need, libfcgi.err)
	return ""
}

// server is a running server and the steps that its workers have taken.
type server struct {
	*httpd.Server
	t   *testing.T
	url string

	cancel context.CancelFunc
	ended  chan error

	mu    sync.Mutex
	moved sync.Cond
	steps []pool.Step
}

// start runs a server of a kind until the test ends.
func start(t *testing.T, k kind, config pool.Config) *server {
	t.Helper()
	s := &server{t: t, ended: make(chan error, 1)}
	s.moved.L = &s.mu
	if config.MaxServers == 0 {
		config.MaxServers = 2
	}
	s.Server = &httpd.Server{
		Name: suiteName, Listen: []string{"http://127.0.0.1:0"}, Pool: config, Observe: s.observe,
		Hooks: suiteHooks, Log: slog.New(slog.NewTextHandler(newTestLog(t), nil)),
	}
	k.make(t, s.Server)
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go func() { s.ended <- s.Run(ctx) }()
	t.Cleanup(func() { s.stop() })
	select {
	case <-s.Ready():
	case err := <-s.ended:
		close(s.ended)
		t.Fatalf("server ended before it was ready: %v", err)
	case <-time.After(patience):
		t.Fatal("server did not get ready")
	}
	s.url = s.Addrs()[0]
	return s
}

// testLog writes a server's log into the test's while that runs: what a server had to
// leave behind may end after it.
type testLog struct {
	t    *testing.T
	mu   sync.Mutex
	over bool // under mu
}

// newTestLog must come before what ends the server, so that its end is logged.
func newTestLog(t *testing.T) *testLog {
	l := &testLog{t: t}
	t.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.over = true
	})
	return l
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.t.Log(strings.TrimSpace(string(p)))
	}
	return len(p), nil
}

// stop ends the server as TERM does and returns what Run said; at most once.
func (s *server) stop() error {
	s.cancel()
	err, ok := <-s.ended
	if ok {
		close(s.ended)
	}
	return err
}

func (s *server) observe(step pool.Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps = append(s.steps, step)
	s.moved.Broadcast()
}

// lives are the lives of all workers so far, in the order of their birth, such
// as "start ready retire(reload) exited(reload)".
func (s *server) lives() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return lives(s.steps)
}

func lives(steps []pool.Step) []string {
	var list []string
	for _, step := range steps {
		for int64(len(list)) < step.Worker {
			list = append(list, "")
		}
		text := step.What
		if step.Cause != "" {
			text += "(" + string(step.Cause) + ")"
		}
		life := &list[step.Worker-1]
		if *life != "" {
			*life += " "
		}
		*life += text
	}
	return list
}

// expect waits until the lives of the workers are these, in whatever order they
// were born, and checks what must hold in every sequence of steps.
func (s *server) expect(want ...string) {
	s.t.Helper()
	slices.Sort(want)
	deadline := time.AfterFunc(patience, s.moved.Broadcast)
	defer deadline.Stop()
	begun := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		have := lives(s.steps)
		slices.Sort(have)
		if slices.Equal(have, want) {
			break
		}
		if time.Since(begun) >= patience {
			s.t.Fatalf("lives of the workers:\n  %s\nexpected:\n  %s",
				strings.Join(have, "\n  "), strings.Join(want, "\n  "))
		}
		s.moved.Wait()
	}
	if err := replacedBeforeRetired(s.steps); err != nil {
		s.t.Error(err)
	}
}

// replacedBeforeRetired checks that no worker was told to leave, in order to be
// replaced, before two others were ready: all scenarios have two workers.
func replacedBeforeRetired(steps []pool.Step) error {
	ready := make(map[int64]bool)
	for i, step := range steps {
		switch step.What {
		case "ready":
			ready[step.Worker] = true
		case "exited", "spent", "wedged", "kill":
			// It takes nothing more, so nobody misses it.
			delete(ready, step.Worker)
		case "retire":
			if !ready[step.Worker] {
				continue
			}
			delete(ready, step.Worker)
			if step.Cause == pool.CauseScale || step.Cause == pool.CauseStop {
				continue
			}
			if len(ready) < 2 {
				return fmt.Errorf("step %d: worker %d retired (%s) while only %d others were ready",
					i, step.Worker, step.Cause, len(ready))
			}
		}
	}
	return nil
}

// times is a list of n equal strings.
func times(n int, s string) []string { return slices.Repeat([]string{s}, n) }

// notClean reports whether workers had to be killed.
func notClean(err error) bool { return errors.Is(err, pool.ErrNotClean) }
