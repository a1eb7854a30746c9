package fork

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/pool"
)

// weighing is the time between two looks at the memory of children that have a
// limit.
const weighing = time.Second

// errMemory is why a child is killed that has too much memory before it is ready.
var errMemory = errors.New("fork: program has more memory than KillMemory before it is ready")

// lookout looks at children now and then: at their memory if it is limited, whether
// they are alive, and whether those that are to leave can. It is one goroutine, which
// sleeps as long as there is nothing to look at.
type lookout struct {
	backend *Backend
	news    chan struct{} // a child was born, or told to leave
	over    chan struct{} // closed to end it
	ended   chan struct{}
}

func newLookout(b *Backend) *lookout {
	l := &lookout{
		backend: b, news: make(chan struct{}, 1), over: make(chan struct{}), ended: make(chan struct{}),
	}
	go l.run()
	return l
}

// stop ends it.
func (l *lookout) stop() {
	close(l.over)
	<-l.ended
}

// stir makes it look at what a child needs that is new, or was told to leave.
func (l *lookout) stir() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

func (l *lookout) run() {
	defer close(l.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	begin := time.Now()
	weighed, felt := begin, begin
	var heeded time.Time // whoever is to leave is looked at soon
	for {
		select {
		case <-l.over:
			return
		case <-l.news:
		case <-timer.C:
		}
		living := l.backend.born()
		timer.Stop()
		now := time.Now()
		var pause time.Duration // until the next look; 0 is never
		next := func(every time.Duration, last *time.Time, look func(*process)) {
			if every <= 0 {
				return
			}
			if now.Sub(*last) >= every {
				*last = now
				for _, p := range living {
					look(p)
				}
			}
			if left := every - now.Sub(*last); pause == 0 || left < pause {
				pause = left
			}
		}
		limited, leaving, every := needs(living)
		if limited {
			next(l.backend.config.weighing, &weighed, (*process).weigh)
		}
		next(every, &felt, (*process).feel)
		if leaving {
			next(l.backend.config.heedPatience/heedLooks, &heeded, (*process).heed)
		}
		if pause > 0 {
			timer.Reset(pause)
		}
	}
}

// needs is what children are to be looked at for: whether some have a limit of
// memory, whether some are to leave, and how often to see whether they are alive; 0 is
// never.
func needs(living []*process) (limited, leaving bool, every time.Duration) {
	for _, p := range living {
		leaving = leaving || p.leaving()
		c := p.spec.Config
		if c == nil {
			continue
		}
		limited = limited || c.MaxMemory > 0 || c.KillMemory > 0
		if d := c.CheckForDead; d > 0 && (every == 0 || d < every) {
			every = d
		}
	}
	return limited, leaving, every
}

// born are the children that have been born and not yet been buried.
func (b *Backend) born() []*process {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []*process
	for p := range b.live {
		if p.PID() > 0 {
			list = append(list, p)
		}
	}
	return list
}

// weigh looks at the child's memory, and only its own: what it has started itself
// is not counted, since what processes share would be counted twice.
func (p *process) weigh() {
	c := p.spec.Config
	if c == nil || c.MaxMemory <= 0 && c.KillMemory <= 0 {
		return
	}
	rss := resident(p.PID())
	log := p.backend.log.With("slot", p.spec.Slot, "pid", p.PID(), "rss", rss)
	switch weigh(rss, c.MaxMemory, c.KillMemory) {
	case destroy:
		p.mu.Lock()
		doomed := p.heavy || p.reaped || p.told == kill
		p.heavy = p.heavy || !doomed
		ready, crew := p.ready, p.crew
		p.mu.Unlock()
		if doomed {
			return
		}
		log.Warn("killing worker: it has more memory than kill_memory", "limit", c.KillMemory)
		if !ready {
			p.fail(errMemory)
			return
		}
		p.leaveSeat()
		if crew != nil {
			crew.Kill()
		}
		p.signal(unix.SIGKILL)
	case replace:
		p.mu.Lock()
		wanted := p.ready && p.told == stay && !p.replaced
		p.replaced = p.replaced || wanted
		p.mu.Unlock()
		if wanted {
			log.Log(context.Background(), pool.LevelVerbose, "worker has more memory than max_memory", "limit", c.MaxMemory)
			p.emit(pool.Event{Kind: pool.Expiring, Cause: pool.CauseMaxMemory})
		}
	}
}

// feel looks whether the child is alive. One that is not should have been noticed
// by whoever waits for its end, who is made to look again.
func (p *process) feel() {
	state := processLetter(p.PID())
	switch p.pulse.feel(state, time.Now()) {
	case died:
		if p.pidfd != nil {
			_ = p.pidfd.SetReadDeadline(time.Unix(1, 0))
		}
	case stopped:
		p.halt()
	case traced:
		p.backend.log.Warn("worker does not run", "slot", p.spec.Slot, "pid", p.PID(), "state", string(state))
	}
}
