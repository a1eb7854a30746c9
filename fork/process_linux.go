package fork

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/fdpass"
	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/pool"
)

// order is what a process was told by the supervisor.
type order int

const (
	stay order = iota
	retire
	kill
)

// process is one worker: a child, and for an exchange the crew of lanes that
// dispatch requests to it.
type process struct {
	backend *Backend
	spec    pool.Spec
	report  func(pool.Event)
	pid     atomic.Int64
	private *private      // where the lanes reach the child; nil if it accepts
	exited  chan struct{} // closed when the program has ended
	gone    chan struct{} // closed when no lane runs any more
	control *net.UnixConn // nil for an external program
	pidfd   *os.File      // nil where the kernel has none
	deaf    chan struct{} // closed when control has reached its end
	output  [2]*os.File   // what the child writes to standard output and error
	leash   *os.File      // its end in the child's group kills that
	shim    *os.File      // where the shim reports; nil without isolation
	group   *cgroup       // nil for none
	silent  sync.WaitGroup
	ferry   *ferry.Port // nil unless it owns connections
	child   *Child
	stacks  stacks
	pulse   pulse // the lookout's

	mu      sync.Mutex
	place   place
	told    order
	forked  bool
	given   bool // it has all gifts
	ready   bool
	reaped  bool
	status  syscall.WaitStatus
	overdue bool // killed because it did not leave
	wedged  bool
	heavy   bool // killed because of its memory
	halted  bool // its replacement was asked for because it was stopped
	// replaced says that its replacement was asked for because of its memory.
	replaced bool
	asked    *time.Timer // kills it if it does not tell its stacks
	failure  error       // why it could not start or was killed by us
	crash    error       // what it says it died of
	request  string
	crew     *pool.Crew
	timer    *time.Timer
	nudger   *time.Timer   // for nudge
	pause    time.Duration // before the next one, 0 as long as there was none
	unfit    bool          // failure says that it is of no use, although it was ready

	reporting sync.Mutex // held while report runs, so that Exited is the last
	over      bool
}

func newProcess(b *Backend, spec pool.Spec, report func(pool.Event)) *process {
	p := &process{
		backend: b, spec: spec, report: report,
		exited: make(chan struct{}), gone: make(chan struct{}), deaf: make(chan struct{}),
	}
	p.child = &Child{p}
	return p
}

// PID implements pool.Worker.
func (p *process) PID() int { return int(p.pid.Load()) }

// Retire implements pool.Worker.
func (p *process) Retire() {
	p.mu.Lock()
	if p.told != stay {
		p.mu.Unlock()
		return
	}
	p.told = retire
	forked, ready, crew := p.forked, p.ready, p.crew
	p.mu.Unlock()
	p.leaveSeat()
	defer p.backend.lookout.stir()
	switch {
	case !forked: // it never will be
	case crew != nil:
		crew.Retire() // and dismiss when the lanes have ended
	case ready:
		p.dismiss(0)
	default:
		p.dismiss(p.backend.config.dieTimeout())
	}
}

// Kill implements pool.Worker.
func (p *process) Kill() {
	p.condemn()
	p.signal(syscall.SIGKILL)
}

// condemn gives up on a worker that is about to be killed.
func (p *process) condemn() {
	p.mu.Lock()
	p.told = kill
	crew := p.crew
	p.mu.Unlock()
	p.leaveSeat()
	if crew != nil {
		crew.Kill() // first, so that the clients learn that it was on purpose
	}
}

// dismiss tells a child to leave, and sees to it that it does so within limit, if
// that is more than 0.
func (p *process) dismiss(limit time.Duration) {
	p.mu.Lock()
	killed := p.told == kill || p.heavy
	p.mu.Unlock()
	if killed {
		return // at this moment
	}
	retirement := message{kind: messageRetire, last: p.backend.drained.Load()}.encode()
	if p.control == nil {
		p.signalOne(syscall.SIGTERM)
		p.remindLater()
	} else if err := fdpass.TrySend(p.control, retirement); err != nil {
		// It is gone, or has not read anything for a long time. Should it do so
		// after all it must find this; its end ends the wait.
		p.backend.log.Debug("worker does not listen", "pid", p.PID(), "error", err)
		go fdpass.Send(p.control, retirement)
	}
	if limit <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil && !p.reaped {
		p.timer = time.AfterFunc(limit, p.late)
	}
}

// remind tells a child that is leaving once more, since the server stops. It may have
// connections that it would keep for longer than that.
func (p *process) remind() {
	p.mu.Lock()
	leaving := p.told == retire && p.forked && !p.reaped
	p.mu.Unlock()
	if leaving {
		_ = fdpass.TrySend(p.control, message{kind: messageRetire, last: true}.encode())
	}
}

// late kills a child that has nothing in hand and does not leave.
func (p *process) late() {
	p.mu.Lock()
	reaped := p.reaped
	p.mu.Unlock()
	if !reaped {
		p.backend.log.Warn("killing worker: it has nothing in hand and does not leave", "slot", p.spec.Slot, "pid", p.PID(),
			"limit", "die_timeout")
	}
	p.giveUp("die_timeout")
}

// giveUp kills a child that does not do what it should, within that limit.
func (p *process) giveUp(limit string) {
	p.mu.Lock()
	p.overdue = p.overdue || !p.reaped
	p.mu.Unlock()
	p.killAsking(limit)
}

// fail kills a child that is of no use, because of err.
func (p *process) fail(err error) {
	p.mu.Lock()
	if p.failure == nil {
		p.failure = err
	}
	p.mu.Unlock()
	p.signal(syscall.SIGKILL)
}

// unfitFor is fail for one that was thought to be ready and is not.
func (p *process) unfitFor(err error) {
	p.mu.Lock()
	p.unfit = p.unfit || p.failure == nil
	p.mu.Unlock()
	p.fail(err)
}

// signal sends a signal to the child's process group. Nobody else waits for the
// child, so until it has been reaped its number cannot be another's.
func (p *process) signal(s syscall.Signal) { p.send(s, -1) }

// signalOne sends a signal to the child alone.
func (p *process) signalOne(s syscall.Signal) { p.send(s, 1) }

func (p *process) send(s syscall.Signal, whom int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pid := p.PID(); pid > 0 && !p.reaped {
		unix.Kill(whom*pid, s)
	}
}

// begin makes a worker of a child that can serve: it gets its lanes, if they are
// here, and is reported.
func (p *process) begin() {
	p.mu.Lock()
	if p.ready || p.told != stay {
		p.mu.Unlock()
		return
	}
	c := &p.backend.config
	var crew *pool.Crew
	if c.exchange() && !p.reaped {
		var err error
		crew, err = c.Queue.NewCrew(p.spec.Board, p.spec.Slot, pool.CrewHooks{
			Report: p.observe,
			Ended:  p.idle,
			Gone:   func() { close(p.gone) },
		})
		if err != nil {
			p.mu.Unlock()
			p.fail(err)
			return
		}
	}
	p.ready, p.crew = true, crew
	if c.Accept.Owning() {
		p.place = joining // so that whoever tells it to leave from now on is heard
	}
	p.mu.Unlock()
	p.backend.programs.prove(p.spec.Generation)
	if c.Seats != nil {
		c.Seats.ready(p.spec.ID)
	}
	p.join()
	p.emit(pool.Event{Kind: pool.Ready})
	if crew != nil {
		for _, l := range crew.Lanes() {
			go l.Run(c.Runner(p.child, l))
		}
	}
}

// idle is called when the last lane has ended: the child has nothing in hand but,
// perhaps, a request that was given up. Whoever hangs in one does not listen.
func (p *process) idle() {
	p.mu.Lock()
	wedged := p.wedged && !p.heavy
	p.mu.Unlock()
	if wedged {
		p.killAsking("request_timeout")
		return
	}
	p.dismiss(p.backend.config.dieTimeout())
}

// observe passes on what the worker's lanes report, wherever they are.
func (p *process) observe(e pool.Event) {
	switch e.Kind {
	case pool.Wedged:
		p.mu.Lock()
		p.wedged = true
		p.mu.Unlock()
	case pool.Spent:
		p.leaveSeat()
	}
	p.emit(e)
}

func (p *process) emit(e pool.Event) {
	p.reporting.Lock()
	defer p.reporting.Unlock()
	if !p.over {
		p.over = e.Kind == pool.Exited
		p.report(e)
	}
}

// maxSaid is how many messages a child may send in its life, beside one for each lane
// that it gives up. One that is sane needs fewer than ten.
const maxSaid = 100

// errTalks is what a child is killed for that says more than that.
var errTalks = errors.New("fork: child sends too many messages")

// listen reads what the child says until its end.
func (p *process) listen() {
	defer close(p.deaf)
	buf := make([]byte, maxMessage)
	hello := false
	for left := maxSaid + p.spec.Board.Lanes(); ; left-- {
		n, files, err := fdpass.Receive(p.control, buf)
		fdpass.Discard(files...) // a child has nothing to give
		if err != nil {
			return
		}
		m, err := decode(buf[:n])
		if err == nil && !hello && m.kind != messageHello {
			err = errMessage
		}
		if err == nil && left == 0 {
			err = errTalks
		}
		if err != nil {
			p.fail(err)
			return
		}
		hello = true
		p.hear(m)
	}
}

func (p *process) hear(m message) {
	switch m.kind {
	case messageHello:
		if m.version != p.backend.config.protocol {
			p.fail(ErrProtocol)
		}
	case messageReady:
		p.begin()
	case messageFailed:
		p.mu.Lock()
		if !p.ready && p.failure == nil {
			p.failure = initError(m.text)
		}
		p.mu.Unlock()
	case messageCrash:
		p.mu.Lock()
		if p.crash == nil {
			p.crash, p.request = errors.New(m.text), m.request
		}
		p.mu.Unlock()
		p.leaveSeat()
	case messageEvent:
		p.observe(pool.Event{Kind: m.event, Cause: m.cause})
	}
}

// adopt gives an accepting child more sockets.
func (p *process) adopt(addresses []byte, fds []int) error {
	return fdpass.TrySend(p.control, message{kind: messageAdopt, addresses: addresses}.encode(), fds...)
}

// yield takes from an accepting child what it was given by an adopt, from 0.
func (p *process) yield(number uint32) error {
	return fdpass.TrySend(p.control, message{kind: messageYield, number: number}.encode())
}

// give gives a child of this program a file.
func (p *process) give(name string, fd int) error {
	return fdpass.TrySend(p.control, message{kind: messageGive, text: name}.encode(), fd)
}

// leaveSeat says that the child takes no more connections.
func (p *process) leaveSeat() {
	p.leave()
	if s := p.backend.config.Seats; s != nil {
		s.leave(p.spec.ID)
	}
}
