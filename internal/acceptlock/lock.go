package acceptlock

import "fmt"

// Kind is how a lock works.
type Kind int

// The kinds of locks.
const (
	Flock Kind = iota
	Semaphore
	Pipe
)

// String is the word that the accept option has for it.
func (k Kind) String() string {
	switch k {
	case Flock:
		return "flock"
	case Semaphore:
		return "semaphore"
	case Pipe:
		return "pipe"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Descriptors is how many of them a child is issued.
func (k Kind) Descriptors() int {
	if k == Pipe {
		return 2
	}
	return 1
}

// Lock is a child's view of the lock. All its methods must be called from one
// goroutine that is locked to its thread, and that does not unlock it: the lock may
// belong to the thread.
type Lock interface {
	// Lock waits until this process has the lock.
	Lock() error
	// Unlock gives it back.
	Unlock() error
}
