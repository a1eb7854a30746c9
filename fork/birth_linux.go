package fork

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/fdpass"
)

// What a child of this program finds open. An external program gets the first
// three.
const (
	onPrivate = 0 // the private listener of an external program, else /dev/null
	onControl = 3 // the control socket, whose end means that the parent is gone
	onBoard   = 4 // the scoreboard's memory
	onPayload = 5 // the payload
	onFerry   = 6 // the ferry, of children that own connections
	// onListener is the private listener of the others.
	onListener = onFerry
	firstSeat  = 7 // the seat's sockets, in the order of the addresses; then the lock
)

// launch starts the child; it runs in the spawner's thread.
func (p *process) launch() {
	p.mu.Lock()
	if p.told != stay {
		p.mu.Unlock()
		go p.bury()
		return
	}
	p.mu.Unlock()
	if err := p.fork(); err != nil {
		p.mu.Lock()
		p.failure = fmt.Errorf("fork: %s: %w", p.backend.path, err)
		p.mu.Unlock()
		go p.bury()
		return
	}
	p.mu.Lock()
	p.forked = true
	told := p.told
	p.mu.Unlock()
	p.backend.lookout.stir()
	log := p.backend.log.With("slot", p.spec.Slot, "pid", p.PID())
	for i, stream := range []string{"stdout", "stderr"} {
		p.silent.Add(1)
		go func() {
			defer p.silent.Done()
			// Records are what our own children write, and there only.
			var stacks *stacks
			if p.control != nil && stream == "stderr" {
				stacks = &p.stacks
			}
			relay(p.output[i], log, stacks, slog.String("stream", stream))
		}()
	}
	if p.control != nil {
		if err := p.endow(); err != nil {
			p.fail(err)
		}
		go p.listen()
	}
	if p.shim != nil {
		p.silent.Add(1)
		go func() {
			defer p.silent.Done()
			if p.attend() && p.control == nil {
				p.prove()
			}
		}()
	}
	go p.await()
	switch {
	case told == kill:
		p.leaveSeat()
		p.signal(syscall.SIGKILL)
	case told == retire:
		p.leaveSeat()
		p.dismiss(p.backend.config.dieTimeout())
	case p.control == nil && p.shim == nil:
		// Not here, since a report may have to wait for a supervisor that waits
		// for its next worker.
		go p.prove()
	}
}

// fork makes what parent and child share, and the child. Everything is
// close-on-exec here; the child's copies are not.
func (p *process) fork() (err error) {
	b := p.backend
	var theirs []int // closed here in any case
	defer func() {
		for _, fd := range theirs {
			unix.Close(fd)
		}
		if err != nil {
			p.close()
		}
	}()
	files := []uintptr{b.null.Fd(), 0, 0}
	var private uintptr
	if b.config.exchange() {
		var fd int
		if p.private, fd, err = newPrivate(max(2*p.spec.Board.Lanes(), 128)); err != nil {
			return err
		}
		theirs = append(theirs, fd)
		private = uintptr(fd)
		if b.config.External() {
			if err := p.private.hold(fd); err != nil {
				return err
			}
		}
	}
	for i := range p.output {
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
			return fmt.Errorf("pipe: %w", err)
		}
		theirs = append(theirs, pipe[1])
		files[i+1] = uintptr(pipe[1])
		unix.SetNonblock(pipe[0], true) // so that reading can be ended
		p.output[i] = os.NewFile(uintptr(pipe[0]), "output")
	}
	env := b.environment(nil)
	if b.config.External() {
		files[onPrivate] = private
	} else {
		env = b.environment(b.mark(p.spec))
		control, fd, err := fdpass.Pair()
		if err != nil {
			return err
		}
		p.control = control
		theirs = append(theirs, fd)
		payload, err := b.dupPayload()
		if err != nil {
			return err
		}
		theirs = append(theirs, payload)
		files = append(files, uintptr(fd), b.config.Board.file.Fd(), uintptr(payload))
		if p.private != nil {
			files = append(files, private)
		}
	}
	if b.config.Accept.Owning() {
		fd, err := p.openFerry()
		if err != nil {
			return err
		}
		theirs = append(theirs, fd)
		files = append(files, uintptr(fd))
	}
	if b.config.Seats != nil {
		seat, err := b.config.Seats.take(p.spec.ID, p.spec.Predecessor, p)
		if err != nil {
			return err
		}
		for _, fd := range seat.fds {
			files = append(files, uintptr(fd))
		}
	}
	lock, err := b.issueLock()
	if err != nil {
		return err
	}
	for _, fd := range lock {
		theirs = append(theirs, fd)
		files = append(files, uintptr(fd))
	}
	leash := 0
	if p.leash, leash, err = newLeash(); err != nil {
		return err
	}
	theirs = append(theirs, leash)
	if !b.config.External() {
		env = slices.Insert(env, 0, fmt.Sprint(leashVariable, "=", len(files)))
	}
	files = append(files, uintptr(leash))
	pidfd := -1
	pid, err := p.execute(env, files, &pidfd)
	if err != nil {
		return err
	}
	if pidfd >= 0 {
		// Non-blocking, so that the runtime's poller waits for it and no
		// thread has to.
		unix.SetNonblock(pidfd, true)
		p.pidfd = os.NewFile(uintptr(pidfd), "pidfd")
	}
	if b.config.External() {
		// What the program starts shares the leash, so it holds even if the
		// program dies first.
		if err := fasten(leash, pid); err != nil {
			b.log.Debug("what the program starts may outlive this process", "pid", pid, "error", err)
		}
	}
	p.pid.Store(int64(pid))
	p.spec.Row().SetPID(pid)
	return nil
}

// dupPayload is a descriptor of the payload of this moment.
func (b *Backend) dupPayload() (int, error) {
	b.payloadMu.Lock()
	defer b.payloadMu.Unlock()
	fd, err := unix.FcntlInt(b.payload.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return -1, fmt.Errorf("payload: %w", err)
	}
	return fd, nil
}

// close gives back all that this process holds of the child.
func (p *process) close() {
	if p.ferry != nil {
		p.ferry.Close()
	}
	if p.control != nil {
		// What it has sent and nobody has read is closed with it: see fdpass.Discard.
		go p.control.Close()
	}
	for _, f := range p.output {
		if f != nil {
			f.Close()
		}
	}
	if p.pidfd != nil {
		p.pidfd.Close()
	}
	if p.private != nil {
		p.private.close()
	}
	if p.leash != nil {
		p.leash.Close()
	}
	if p.shim != nil {
		p.shim.Close()
	}
	if p.group != nil {
		if err := p.group.remove(); err != nil {
			p.backend.log.Warn("cannot remove a worker's group", "slot", p.spec.Slot, "pid", p.PID(), "error", err)
		}
		p.group = nil // its name may be another's by now
	}
}
