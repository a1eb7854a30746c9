package fork

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bident/bident/internal/acceptlock"
	"github.com/bident/bident/internal/memfd"
	"github.com/bident/bident/pool"
)

// Backend starts workers that are OS processes. It implements pool.Backend.
type Backend struct {
	config   Config
	path     string // of the program file
	programs programs
	args     []string
	log      *slog.Logger
	null     *os.File
	spawner  *spawner
	drained  atomic.Bool
	proved   atomic.Int64 // the newest generation of an external program that has lived
	lookout  *lookout
	// isolation is nil if there is none.
	isolation *isolation
	lock      *acceptlock.Keeper // nil if children accept without

	mu     sync.Mutex
	live   map[*process]bool
	none   *sync.Cond // no process is left
	closed bool

	// The spawner takes this lock, and never the other one: whoever starts a
	// worker holds that one and may have to wait for the spawner.
	payloadMu sync.Mutex
	payload   *os.File

	giftMu sync.Mutex // taken before mu
	gifts  gifts
}

// New makes a backend. From now on no descriptor but the first three gets into what
// this process executes, unless it is handed on as os/exec does; see disinherit. The
// error lists every problem of the configuration, or says that there is no such program.
func New(config Config) (_ *Backend, err error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if config.protocol == 0 {
		config.protocol = protocol
	}
	if config.weighing == 0 {
		config.weighing = weighing
	}
	if config.heedPatience == 0 {
		config.heedPatience = heedPatience
	}
	if config.proofTime == 0 {
		config.proofTime = proofTime
	}
	b := &Backend{config: config, log: config.Log, live: make(map[*process]bool)}
	b.none = sync.NewCond(&b.mu)
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	defer func() {
		if err != nil {
			b.programs.close()
		}
	}()
	if err := b.find(); err != nil {
		return nil, err
	}
	if err := disinherit(3); err != nil {
		return nil, err
	}
	if err := b.isolate(); err != nil {
		return nil, err
	}
	if err := b.SetPayload(config.Payload); err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		b.payload.Close()
		return nil, fmt.Errorf("fork: %w", err)
	}
	if err := b.openLock(); err != nil {
		null.Close()
		b.payload.Close()
		return nil, err
	}
	b.null = null
	b.spawner = newSpawner(pool.MaxSlots)
	b.lookout = newLookout(b)
	return b, nil
}

// find resolves the program once and for all: what /proc says of a program whose
// file was replaced is of no use.
func (b *Backend) find() error {
	if !b.config.External() {
		path, err := os.Executable()
		if err != nil {
			return fmt.Errorf("fork: program file: %w", err)
		}
		b.path, b.args = path, os.Args
		if err := b.programs.begin(); err != nil {
			return fmt.Errorf("fork: program file: %w", err)
		}
		return nil
	}
	path, err := findProgram(b.config.Program[0], b.config.Isolation.Chroot)
	b.path, b.args = path, b.config.Program
	return err
}

// SetPayload changes what children that are started from now on are given.
func (b *Backend) SetPayload(payload []byte) error {
	if b.config.External() {
		return nil
	}
	file, err := memfd.Frozen("bident-payload", payload)
	if err != nil {
		return err
	}
	b.payloadMu.Lock()
	defer b.payloadMu.Unlock()
	if b.payload != nil {
		b.payload.Close()
	}
	b.payload = file
	return nil
}

// Start implements pool.Backend. The process is started by another goroutine; a
// failure to do so is reported as Exited, with CauseStart. The error is ErrClosed
// after Close.
func (b *Backend) Start(spec pool.Spec, report func(pool.Event)) (pool.Worker, error) {
	p := newProcess(b, spec, report)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	b.live[p] = true
	b.spawner.births <- p.launch
	return p, nil
}

// Drain says that the server stops and that all workers are about to leave: those
// that are told to from now on, or have been told and are still there, learn that
// nobody is there to take their connections, and their seats are not given to those
// that leave last.
func (b *Backend) Drain() {
	b.drained.Store(true)
	if s := b.config.Seats; s != nil {
		s.Drain()
	}
	if !b.config.Accept.Owning() {
		return
	}
	b.mu.Lock()
	var all []*process
	for p := range b.live {
		all = append(all, p)
	}
	b.mu.Unlock()
	for _, p := range all {
		p.remind()
	}
}

// forget strikes a process off that is gone.
func (b *Backend) forget(p *process) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.live, p)
	b.none.Broadcast()
}

// Close kills what is left of the workers, waits until they are gone and
// reported, and gives back what the backend holds. The seats and the board stay.
func (b *Backend) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	var left []*process
	for p := range b.live {
		left = append(left, p)
	}
	b.mu.Unlock()
	for _, p := range left {
		p.Kill()
	}
	b.mu.Lock()
	for len(b.live) > 0 {
		b.none.Wait()
	}
	b.mu.Unlock()
	b.spawner.stop()
	b.programs.close()
	b.lookout.stop()
	b.null.Close()
	if b.lock != nil {
		b.lock.Close()
	}
	if b.payload != nil {
		b.payload.Close()
	}
	b.giftMu.Lock()
	defer b.giftMu.Unlock()
	b.gifts.close()
	b.gifts = nil
	return nil
}

// environment is that of a child.
func (b *Backend) environment(m *mark) []string {
	var env []string
	if !b.config.ClearEnv {
		env = append(env, os.Environ()...)
	}
	env = append(env, b.config.Env...)
	var ours []string
	if n := b.config.GOMAXPROCS; n > 0 {
		ours = append(ours, "GOMAXPROCS="+strconv.Itoa(n))
	}
	if m != nil {
		if _, set := lookup(env, "GOTRACEBACK"); !set {
			ours = append(ours, "GOTRACEBACK=all")
		}
		ours = append(ours, markVariable+"="+m.String())
		ours = append(ours, keepsakes(env)...)
	}
	env = last(append(env, ours...))
	// Backwards: a title that is longer than the arguments is written over what
	// comes first, and what a child needs no more is last by now.
	slices.Reverse(env)
	return env
}

// last keeps the last of the variables with the same name, which is not what
// programs do with them by themselves.
func last(env []string) []string {
	seen := make(map[string]bool, len(env))
	out := make([]string, len(env))
	next := len(env)
	for i := len(env) - 1; i >= 0; i-- {
		name := env[i]
		for j := range name {
			if name[j] == '=' && j > 0 {
				name = name[:j]
				break
			}
		}
		if !seen[name] {
			seen[name] = true
			next--
			out[next] = env[i]
		}
	}
	return out[next:]
}

// mark is what a child of this program is told in its environment.
func (b *Backend) mark(spec pool.Spec) *mark {
	m := &mark{
		version: b.config.protocol, lanes: spec.Board.Lanes(), slots: spec.Board.Slots(),
		slot: spec.Slot, generation: spec.Generation, accept: b.config.Accept, name: b.config.Name,
	}
	if spec.Config != nil {
		m.start = max(spec.Config.StartTimeout, 0).Round(time.Millisecond)
	}
	if b.config.Seats != nil {
		m.addresses = len(b.config.Seats.addresses)
	}
	if b.config.exchange() {
		m.addresses = 1
	}
	return m
}
