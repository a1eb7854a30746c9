package fork

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/pool"
)

const (
	// nudgePatience is how long an external program that was told to leave may take
	// before it is nudged. That is done again after nudgeAgain, then after twice that
	// and so on: a signal interrupts what is still being done after an answer.
	nudgePatience = 200 * time.Millisecond
	nudgeAgain    = time.Second
	// nudgeMost is how many of the processes that a program has started are nudged.
	nudgeMost = 1024
)

// remindLater sees to it that a program that does not leave is nudged.
func (p *process) remindLater() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.nudger == nil && !p.reaped {
		p.nudger = time.AfterFunc(nudgePatience, p.nudge)
	}
}

// nudge makes a program leave that was told to, has nothing in hand, and is there
// still. It may wait for a connection: many start accept anew when a signal has come,
// and the signal may have come before it was called. Now accept fails. Or it may be a
// manager whose processes have been told by it before they listened: they are told
// again, but not the manager, who takes the second signal as one to stop waiting for
// them. The worker needs its place no longer.
func (p *process) nudge() {
	p.mu.Lock()
	if p.reaped || p.told == kill {
		p.mu.Unlock()
		return
	}
	p.private.shut()
	for _, pid := range startedBy(p.PID()) {
		terminate(pid, p.PID())
	}
	first := p.pause == 0
	p.pause = max(2*p.pause, nudgeAgain)
	p.nudger.Reset(p.pause)
	p.mu.Unlock()
	if first {
		p.emit(pool.Event{Kind: pool.Lingering})
	}
}

// startedBy are the processes that a process has started.
func startedBy(pid int) (list []int) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	for _, t := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, t.Name()))
		if err != nil {
			continue
		}
		for field := range bytes.FieldsSeq(text) {
			if n, err := strconv.Atoi(string(field)); err == nil && len(list) < nudgeMost {
				list = append(list, n)
			}
		}
	}
	return list
}

// terminate sends SIGTERM to a process if it is, still, in that group.
func terminate(pid, group int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	// From here on it is the same process, or none.
	if g, err := unix.Getpgid(pid); err == nil && g == group {
		_ = unix.PidfdSendSignal(fd, unix.SIGTERM, nil, 0)
	}
}
