package fork

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/acceptlock"
	"github.com/bident/bident/pool"
)

// lockKind is the lock that children which accept in this way have. It reports false
// if they have none.
func (a Accept) lockKind() (acceptlock.Kind, bool) {
	switch a {
	case Flock:
		return acceptlock.Flock, true
	case Semaphore:
		return acceptlock.Semaphore, true
	case Pipe:
		return acceptlock.Pipe, true
	}
	return 0, false
}

// lockDescriptors is how many descriptors of a lock a child is given, after its seat.
func (a Accept) lockDescriptors() int {
	if kind, ok := a.lockKind(); ok {
		return kind.Descriptors()
	}
	return 0
}

// openLock makes the lock of all children, if they have one.
func (b *Backend) openLock() (err error) {
	kind, ok := b.config.Accept.lockKind()
	if ok {
		b.lock, err = acceptlock.Open(kind, b.config.LockFile, pool.MaxSlots)
	}
	if err != nil {
		return fmt.Errorf("fork: %w", err)
	}
	return nil
}

// issueLock makes the descriptors of the lock for one child.
func (b *Backend) issueLock() ([]int, error) {
	if b.lock == nil {
		return nil, nil
	}
	return b.lock.Issue()
}

// unlock takes the lock from a child that is gone, if it had it.
func (p *process) unlock() {
	if l := p.backend.lock; l != nil {
		if err := l.Bury(p.spec.Slot); err != nil {
			p.backend.log.Error("the lock of a worker that is gone cannot be given back", "error", err)
		}
	}
}

// takeLock takes over the descriptors of the lock.
func (s *Self) takeLock(m mark) (err error) {
	kind, ok := m.accept.lockKind()
	if !ok {
		return nil
	}
	var fds []int
	for i := range kind.Descriptors() {
		fds = append(fds, firstSeat+m.addresses+i)
	}
	if s.lock, err = acceptlock.Take(kind, fds, m.slot); err != nil {
		for _, fd := range fds {
			unix.Close(fd)
		}
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}

// Lock is what must be held by a child that waits in accept, nil if nothing is.
func (s *Self) Lock() acceptlock.Lock { return s.lock }
