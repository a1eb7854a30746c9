package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// script is a backend whose workers do what a test says, in the bubble's time.
type script struct {
	mu      sync.Mutex
	ready   time.Duration // how long a worker takes to be ready; <0: never is
	leave   time.Duration // how long a retired one takes to leave; <0: never does
	failing bool          // Start returns an error
	quits   bool          // a worker leaves by itself instead of being ready
	dying   error         // a worker dies of it instead of being ready
	flood   int           // reports made from within Start and Retire
	workers []*scripted
}

var errScript = errors.New("scripted failure")

// all are the workers that were ever started, by birth.
func (s *script) all() []*scripted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.workers)
}

func (s *script) change(f func(*script)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (w *scripted) told() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.retired
}

type scripted struct {
	*script
	spec    Spec
	report  func(Event)
	retired bool
	late    string // the limit of time that it was killed for
	serves  atomic.Bool
}

func (s *script) Start(spec Spec, report func(Event)) (Worker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing {
		return nil, errScript
	}
	w := &scripted{script: s, spec: spec, report: report}
	s.workers = append(s.workers, w)
	for range s.flood {
		report(Event{Kind: EventKind(99)})
	}
	switch {
	case s.quits:
		time.AfterFunc(10*time.Millisecond, func() { w.exit(Event{Cause: CauseDone}) })
	case s.dying != nil:
		err := s.dying
		time.AfterFunc(max(0, s.ready), func() { w.exit(Event{Cause: CauseStart, Err: err}) })
	case s.ready == 0:
		report(Event{Kind: Ready})
	case s.ready > 0:
		time.AfterFunc(s.ready-w.lead(), func() { w.serves.Store(true); report(Event{Kind: Ready}) })
	}
	return w, nil
}

// lead makes what several workers do at the same time happen in their order.
func (w *scripted) lead() time.Duration { return time.Microsecond - time.Duration(w.spec.ID) }

func (w *scripted) PID() int { return 1000 + int(w.spec.ID) }

func (w *scripted) Retire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.retired = true
	for range w.flood {
		w.report(Event{Kind: EventKind(99)})
	}
	switch {
	case w.leave == 0:
		w.exit(Event{})
	case w.leave > 0:
		time.AfterFunc(w.leave-w.lead(), func() { w.exit(Event{}) })
	}
}

func (w *scripted) Kill() { w.exit(Event{Exit: "signal: killed"}) }

func (w *scripted) KillLate(limit string) {
	w.change(func(*script) { w.late = limit })
	w.Kill()
}

func (w *scripted) exit(e Event) {
	e.Kind, e.PID = Exited, w.PID()
	w.report(e)
}

// supervision is a supervisor that runs in a bubble.
type supervision struct {
	*Supervisor
	t       *testing.T
	backend *script
	mu      sync.Mutex
	steps   []string
	done    chan error
	ctx     context.Context
	cancel  context.CancelFunc
}

func supervise(t *testing.T, c Config, backend *script, change ...func(*Options)) *supervision {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	v := &supervision{t: t, backend: backend, done: make(chan error, 1)}
	o := Options{Backend: backend, Board: newBoard(t, 64, 1), Observe: func(s Step) {
		step := fmt.Sprintf("%s %d", s.What, s.Worker)
		if s.Cause != "" {
			step += " " + string(s.Cause)
		}
		v.mu.Lock()
		v.steps = append(v.steps, step)
		v.mu.Unlock()
	}}
	for _, f := range change {
		f(&o)
	}
	v.Supervisor = New(c.WithDefaults(), o)
	v.ctx, v.cancel = context.WithCancel(t.Context())
	go func() { v.done <- v.Run(v.ctx) }()
	synctest.Wait()
	return v
}

// expect compares the steps since the last time.
func (v *supervision) expect(want string) {
	v.t.Helper()
	if got := v.forget(); got != want {
		v.t.Errorf("steps:\n got %s\nwant %s", got, want)
	}
}

// forget are the steps since the last time.
func (v *supervision) forget() string {
	synctest.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	steps := strings.Join(v.steps, ", ")
	v.steps = nil
	return steps
}

func (v *supervision) stop(timeout time.Duration, want error) {
	v.t.Helper()
	v.Stop(timeout)
	if err := <-v.done; !errors.Is(err, want) || (want == nil) != (err == nil) {
		v.t.Errorf("Run: %v, expected %v", err, want)
	}
	v.cancel()
	ctx := context.Background()
	for name, err := range map[string]error{
		"Ready": v.Ready(ctx), "Scale": v.Scale(ctx, 2, false), "Recycle": v.Recycle(ctx, 0),
		"Reload": v.Reload(ctx, v.config), "Pause": v.Pause(ctx),
	} {
		if !errors.Is(err, ErrStopped) {
			v.t.Errorf("%s after the end: %v", name, err)
		}
	}
	if _, err := v.Status(ctx); !errors.Is(err, ErrStopped) {
		v.t.Errorf("Status after the end: %v", err)
	}
	v.Stop(0)
}

// later runs a command and gives its outcome.
func later(f func() error) chan error {
	c := make(chan error, 1)
	go func() { c <- f() }()
	synctest.Wait()
	return c
}

func pending(t *testing.T, c chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-c:
		t.Errorf("over too early: %v", err)
		c <- err
	default:
	}
}
