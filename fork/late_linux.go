package fork

import (
	"time"

	"golang.org/x/sys/unix"
)

// KillLate implements pool.LateWorker. A child of this program is asked for its
// stacks first. Its clients do not wait for that.
func (p *process) KillLate(limit string) {
	p.condemn()
	p.killAsking(limit)
}

// killAsking asks a child of this program for its stacks, of which it dies, and kills
// it if it does not within a moment. An external program is killed at once, and so is
// a child that is stopped: it would have to be made to run for it, after others have
// been told that it will not, and whoever has stopped it can look at it.
func (p *process) killAsking(limit string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pid := p.PID()
	if pid <= 0 || p.reaped || p.asked != nil {
		return
	}
	if p.control == nil {
		unix.Kill(-pid, unix.SIGKILL)
		return
	}
	p.asked = time.AfterFunc(stacksPatience, func() { p.signal(unix.SIGKILL) })
	go p.ask(limit)
}

// ask asks for the stacks. It looks at what the child does first, for which nobody
// waits.
func (p *process) ask(limit string) {
	pid := p.PID()
	letter, thread := processLetter(pid), runningThread(pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return
	}
	if letter == 'T' || letter == 't' {
		unix.Kill(-pid, unix.SIGKILL)
		return
	}
	p.stacks.ask(limit)
	// The thread that gets the signal tells what it does itself; of others that
	// run it only knows that they do.
	if unix.Tgkill(pid, thread, unix.SIGQUIT) != nil { // it has ended
		unix.Kill(pid, unix.SIGQUIT)
	}
}
