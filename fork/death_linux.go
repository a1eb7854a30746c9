package fork

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/pool"
)

// grace is how long what belongs to a dead child may take to end by itself:
// reading the rest of its output and messages, and the lanes that had a request
// there.
const grace = time.Second

// await waits for the child's end and then clears up.
func (p *process) await() {
	p.zombie()
	p.mu.Lock()
	// What the child has started and left behind. As long as it is not reaped,
	// its number, and with it the group's, is nobody else's.
	unix.Kill(-p.PID(), syscall.SIGKILL)
	for {
		_, err := syscall.Wait4(p.PID(), &p.status, 0, nil)
		if err != syscall.EINTR {
			break
		}
	}
	p.reaped = true
	for _, t := range []*time.Timer{p.timer, p.asked, p.nudger} {
		if t != nil {
			t.Stop()
		}
	}
	p.mu.Unlock()
	if p.private != nil {
		p.private.release()
	}
	close(p.exited)
	p.leave()
	p.bury()
}

// zombie returns when the child has ended; it is still to be reaped.
func (p *process) zombie() { awaitEnd(p.PID(), p.pidfd) }

// awaitEnd returns when a child of this process has ended; it is still to be reaped.
// pidfd is nil where the kernel has none: then a thread waits.
func awaitEnd(pid int, pidfd *os.File) {
	if pidfd != nil {
		raw, err := pidfd.SyscallConn()
		if err == nil {
			err = raw.Read(func(fd uintptr) bool { return ended(unix.P_PIDFD, int(fd), unix.WNOHANG) })
		}
		if err == nil {
			return
		}
	}
	ended(unix.P_PID, pid, 0)
}

func ended(idType, id, options int) bool {
	for {
		var info unix.Siginfo
		err := unix.Waitid(idType, id, &info, unix.WEXITED|unix.WNOWAIT|options, nil)
		switch err {
		case unix.EINTR:
			continue
		case unix.EAGAIN: // a non-blocking pidfd
			return false
		}
		return err != nil || info.Signo != 0
	}
}

// bury clears up after a child that is gone, or that never was, and reports its
// exit: the last report.
func (p *process) bury() {
	born := p.PID() > 0
	p.unlock()
	if born {
		p.calm()
	}
	p.leave() // if it became ready in the meantime
	inHand := p.spec.Board.InHand(p.spec.Slot)
	if stuck := p.dissolve(); !stuck {
		// Only now is it certain that what is in hand will not be answered.
		inHand = p.spec.Board.InHand(p.spec.Slot)
	}
	p.close()
	if s := p.backend.config.Seats; s != nil {
		s.remove(p.spec.ID)
	}
	e := p.verdict(born)
	if e.Cause == pool.CauseCrash || e.Cause == pool.CauseTimeout || e.Cause == pool.CauseMaxMemory {
		if e.Request == "" {
			e.Request = inHand
		}
	}
	p.emit(e)
	p.backend.forget(p)
}

// calm reads what the child has still said and written. Processes which it has
// started, and which got away, cannot hold this up.
func (p *process) calm() {
	deadline := time.Now().Add(grace)
	for _, f := range p.output {
		f.SetReadDeadline(deadline)
	}
	if p.shim != nil {
		p.shim.SetReadDeadline(deadline)
	}
	if p.control != nil {
		p.control.SetReadDeadline(deadline)
		<-p.deaf
	}
	if p.ferry != nil {
		p.ferry.Close()
		p.ferry.Wait() // until what the child has sent has arrived
	}
	p.silent.Wait()
}

// dissolve ends the lanes. It reports whether some of them had to be killed: they
// may still have had something of the child's to deliver.
func (p *process) dissolve() (stuck bool) {
	p.mu.Lock()
	crew := p.crew
	p.mu.Unlock()
	if crew == nil {
		return false
	}
	crew.Retire()
	limit := time.NewTimer(grace)
	defer limit.Stop()
	select {
	case <-p.gone:
		return false
	case <-limit.C:
	}
	crew.Kill()
	<-p.gone
	return true
}

// verdict is how the worker ended.
func (p *process) verdict(born bool) pool.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := pool.Event{Kind: pool.Exited, PID: p.PID()}
	if born {
		e.Exit = exitText(p.status)
	}
	if p.asked != nil && p.status.Exited() && p.status.ExitStatus() == exitQuit {
		e.Exit = "signal: " + syscall.SIGQUIT.String() // it was us
	}
	clean := born && e.Exit == ""
	// Whose lanes have ended because it was stopped leaves when it goes on.
	told := p.told == retire || p.halted && p.told == stay
	if p.backend.config.External() && told && obeyed(p.status) && born {
		e.Exit, clean = "", true
	}
	crash, request := p.crash, p.request
	if p.crew != nil && crash == nil {
		request, crash = p.crew.Crashed()
	}
	switch {
	case p.failure != nil && (!p.ready || p.unfit):
		e.Cause, e.Err = pool.CauseStart, p.failure
	case p.heavy:
		e.Cause, e.Request = pool.CauseMaxMemory, request
	case p.wedged:
		e.Cause, e.Request = pool.CauseTimeout, request
	case crash != nil:
		e.Cause, e.Err, e.Request = pool.CauseCrash, crash, request
	case p.failure != nil:
		e.Cause, e.Err = pool.CauseCrash, p.failure
	case p.told == kill:
	case p.overdue:
		e.Cause = pool.CauseKilled
	case told && (clean || !p.ready || !born):
	case !p.ready:
		e.Cause, e.Err = pool.CauseStart, fmt.Errorf("fork: program %s ended before it was ready: %s", p.backend.path, orZero(e.Exit))
	case clean:
		e.Cause = pool.CauseDone
	case told && p.backend.config.External():
	default:
		e.Cause = pool.CauseCrash
	}
	if p.backend.config.External() && e.Err == nil && (e.Cause == pool.CauseCrash || e.Cause == pool.CauseDone) {
		e.Err = fmt.Errorf("fork: program %s ended: %s", p.backend.path, orZero(e.Exit))
	}
	return e
}

// orZero names a clean exit, too.
func orZero(exit string) string {
	if exit == "" {
		return "exit 0"
	}
	return exit
}

// exitText is an exit status in the words of status: "exit 3", "signal: killed",
// and nothing for a clean exit.
func exitText(s syscall.WaitStatus) string {
	switch {
	case s.Signaled():
		return "signal: " + s.Signal().String()
	case s.ExitStatus() != 0:
		return fmt.Sprintf("exit %d", s.ExitStatus())
	}
	return ""
}

// obeyed reports whether that is how a program ends that was sent SIGTERM.
func obeyed(s syscall.WaitStatus) bool {
	return s.Signaled() && s.Signal() == syscall.SIGTERM ||
		s.Exited() && s.ExitStatus() == 128+int(syscall.SIGTERM)
}

func initError(text string) error { return fmt.Errorf("%w: %s", ErrInit, text) }
