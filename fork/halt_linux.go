package fork

import (
	"time"

	"github.com/bident/bident/pool"
)

// heedPatience is how long a child that was told to leave may be stopped before it is
// killed. How often such children are looked at is a part of it.
const (
	heedPatience = 5 * time.Second
	heedLooks    = 4
)

// limitStopped is what the log calls the limit that such a child has exceeded.
const limitStopped = "stopped"

// halt has a child replaced that is stopped. It takes nothing more from now on, as if
// it had begun its last request; its lanes end, which would wait for it in vain. What
// it has in hand it keeps until its successor is ready: it may go on.
func (p *process) halt() {
	p.mu.Lock()
	wanted := p.told == stay && !p.halted && !p.heavy && !p.reaped
	p.halted = p.halted || wanted
	crew := p.crew
	p.mu.Unlock()
	if !wanted {
		return
	}
	p.backend.log.Warn("worker is stopped: it gets nothing more and is replaced",
		"slot", p.spec.Slot, "pid", p.PID())
	p.observe(pool.Event{Kind: pool.Spent, Cause: pool.CauseKilled})
	if crew != nil {
		crew.Retire()
	}
}

// leaving reports whether the child was told to leave and is expected to.
func (p *process) leaving() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.told == retire && !p.overdue && !p.heavy && !p.reaped
}

// heed kills a child that was told to leave and is stopped, so that it never will. One
// that has much to finish is not: it runs.
func (p *process) heed() {
	if !p.leaving() || !p.pulse.hopeless(processLetter(p.PID()), time.Now(), p.backend.config.heedPatience) {
		return
	}
	p.backend.log.Warn("killing worker: it is to leave and is stopped", "slot", p.spec.Slot, "pid", p.PID())
	p.mu.Lock()
	crew := p.crew
	p.mu.Unlock()
	if crew != nil {
		crew.Kill() // first, so that the clients learn that it was on purpose
	}
	p.giveUp(limitStopped)
}
