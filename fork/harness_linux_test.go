package fork

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bident/bident/pool"
)

// patience is how long a test waits for what must happen, before it gives up.
const patience = 30 * time.Second

// notebook is a log that can be read while it is written.
type notebook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (n *notebook) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.Write(p)
}

func (n *notebook) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.String()
}

type harness struct {
	t       testing.TB
	config  Config
	backend *Backend
	queue   *pool.Queue
	board   *Board
	log     *notebook
	born    int64
	pool    *pool.Config

	generation int
}

func newHarness(t testing.TB, change func(*Config)) *harness {
	t.Helper()
	board, err := NewBoard(256, 1)
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{
		t: t, queue: pool.NewQueue(256), board: board, log: &notebook{}, generation: 7,
		pool: &pool.Config{StartTimeout: patience},
	}
	h.queue.Configure(100, patience, 0)
	h.config = Config{
		Name: "test:1", Queue: h.queue, Board: board, Runner: newLineRunner,
		Log: slog.New(slog.NewTextHandler(h.log, nil)), DieTimeout: patience,
	}
	if change != nil {
		change(&h.config)
	}
	if h.config.External() {
		h.config.Board = nil
	}
	if h.backend, err = New(h.config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.backend.Close()
		board.Close()
		if t.Failed() {
			t.Log(h.log)
		}
	})
	return h
}

// external makes the children external programs.
func external(c *Config) {
	c.Program = []string{os.Args[0]}
	c.Env = append(c.Env, roleVariable+"=external")
}

// worker is a worker with what it reports.
type worker struct {
	pool.Worker
	t      testing.TB
	id     int64
	slot   int
	events chan pool.Event
}

func (h *harness) start(slot int, predecessor int64) *worker {
	h.t.Helper()
	h.born++
	w := &worker{t: h.t, id: h.born, slot: slot, events: make(chan pool.Event, 100)}
	var err error
	w.Worker, err = h.backend.Start(pool.Spec{
		ID: h.born, Slot: slot, Generation: h.generation, Predecessor: predecessor,
		Config: h.pool, Board: h.board.Scoreboard,
	}, func(e pool.Event) { w.events <- e })
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

// ready starts a worker and waits until it is ready.
func (h *harness) ready(slot int) *worker {
	h.t.Helper()
	w := h.start(slot, 0)
	w.expect(pool.Ready)
	return w
}

// expect waits for the next report, which must be of that kind.
func (w *worker) expect(kind pool.EventKind) pool.Event {
	w.t.Helper()
	for late := time.After(patience); ; {
		select {
		case e := <-w.events:
			if e.Kind == kind {
				return e
			}
			if e.Kind != pool.Lingering { // which a busy machine adds
				w.t.Fatalf("%v reported (%+v), want %v", e.Kind, e, kind)
			}
		case <-late:
			w.t.Fatalf("%v was not reported", kind)
		}
	}
}

// left waits for the worker's exit and checks it.
func (w *worker) left(cause pool.Cause, exit string) pool.Event {
	w.t.Helper()
	e := w.expect(pool.Exited)
	if e.Cause != cause || e.Exit != exit || e.PID != w.PID() {
		w.t.Fatalf("exited: %+v, want cause %q, exit %q, PID %d", e, cause, exit, w.PID())
	}
	select {
	case e := <-w.events:
		w.t.Fatalf("reported after the exit: %+v", e)
	default:
	}
	return e
}

// job is what the test's lanes run.
type job struct {
	ask, answer string
	err         error
}

// lineRunner exchanges lines with a child.
type lineRunner struct {
	child *Child
	mu    sync.Mutex
	conn  net.Conn
	lines *bufio.Reader
}

func newLineRunner(c *Child, _ *pool.Lane) pool.Runner { return &lineRunner{child: c} }

func (r *lineRunner) Check() bool {
	select {
	case <-r.child.Exited():
		return false
	default:
		return true
	}
}

func (r *lineRunner) Run(l *pool.Lane, t *pool.Task) bool {
	j := t.Job.(*job)
	if r.conn == nil {
		c, err := r.child.Dial()
		if err != nil {
			j.err = err
			return false
		}
		r.mu.Lock()
		r.conn, r.lines = c, bufio.NewReaderSize(c, 1<<16)
		r.mu.Unlock()
	}
	fmt.Fprintf(r.conn, "%s\n", j.ask)
	line, err := r.lines.ReadString('\n')
	j.answer, j.err = strings.TrimSuffix(line, "\n"), err
	return err == nil
}

func (r *lineRunner) Kill(error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil {
		r.conn.Close()
	}
}

func (r *lineRunner) Close() { r.Kill(nil) }

// begin puts a request into the queue.
func (h *harness) begin(ask string) (wait func() (string, error)) {
	type outcome struct {
		answer string
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		j := &job{ask: ask}
		task := pool.NewTask(j)
		task.Method, task.URI = []byte("GET"), []byte("/"+ask)
		task.Arrived = time.Now().UnixNano()
		if err := h.queue.Do(task); err != nil {
			done <- outcome{err: err} // the job is the handler's, if it has begun
			return
		}
		done <- outcome{j.answer, j.err}
	}()
	return func() (string, error) {
		o := <-done
		return o.answer, o.err
	}
}

func (h *harness) ask(ask string) string {
	h.t.Helper()
	answer, err := h.begin(ask)()
	if err != nil {
		h.t.Fatalf("%s: %v", ask, err)
	}
	return answer
}

// busy waits until a lane of the slot has a request in hand.
func (h *harness) busy(slot int) {
	h.t.Helper()
	until(h.t, "busy", func() bool { return h.board.Busy(slot) > 0 })
}

// until waits for a condition that nobody announces.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// stop stops a child, so that it can do nothing, but is there.
func stop(t testing.TB, pid int) {
	t.Helper()
	syscall.Kill(pid, syscall.SIGSTOP)
	until(t, "stopped", func() bool { return processState(pid) == 'T' })
}

// processState is the letter that the kernel has for what a process does, 0 if
// there is none.
func processState(pid int) byte {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return after[0]
}

// dead reports whether there is no such process, or only what is left of it for
// its parent to read.
func dead(pid int) bool {
	s := processState(pid)
	return s == 0 || s == 'Z' || s == 'X'
}
