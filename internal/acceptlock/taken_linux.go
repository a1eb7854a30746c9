package acceptlock

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/memfd"
)

// Take makes a Lock of what a process with a slot was issued. The descriptors belong
// to it.
func Take(kind Kind, fds []int, slot int) (Lock, error) {
	if len(fds) != kind.Descriptors() {
		return nil, fmt.Errorf("acceptlock: %d descriptors for %s", len(fds), kind)
	}
	if kind == Flock {
		return flock(fds[0]), nil
	}
	f := os.NewFile(uintptr(fds[0]), "acceptlock")
	mem, err := memfd.Map(f)
	f.Close()
	switch {
	case err != nil:
		return nil, fmt.Errorf("acceptlock: %w", err)
	case kind == Semaphore && len(mem) >= 4:
		return newSemaphore((*atomic.Uint32)(unsafe.Pointer(&mem[0])))
	case kind == Pipe && slot >= 0 && slot < len(mem)/4:
		return &pipe{fd: fds[1], mark: markOf(mem, slot)}, nil
	}
	return nil, fmt.Errorf("acceptlock: %d octets for %s and slot %d", len(mem), kind, slot)
}

// flock is a file that nobody else has open in this way.
type flock int

func (f flock) Lock() error {
	for {
		err := unix.Flock(int(f), unix.LOCK_EX)
		if err != unix.EINTR {
			return os.NewSyscallError("flock", err)
		}
	}
}

func (f flock) Unlock() error { return os.NewSyscallError("flock", unix.Flock(int(f), unix.LOCK_UN)) }

// token is what is in the pipe.
var token = []byte{'t'}

// What a process says of itself beside the pipe.
const (
	idle  = iota
	wants // it is about to read the token, or waits for it
	holds
	gives // it is about to write it back
)

// pipe is a pipe with a token in it. Reading wakes one of those that wait.
type pipe struct {
	fd   int
	mark *atomic.Uint32
}

// markOf is the mark of a slot.
func markOf(mem []byte, slot int) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&mem[4*slot : 4*slot+4][0]))
}

func (p *pipe) Lock() error {
	p.mark.Store(wants)
	var b [1]byte
	for {
		n, err := unix.Read(p.fd, b[:])
		switch {
		case n == 1:
			p.mark.Store(holds)
			return nil
		case err != unix.EINTR:
			p.mark.Store(idle)
			return os.NewSyscallError("read", err)
		}
	}
}

func (p *pipe) Unlock() error {
	p.mark.Store(gives)
	_, err := unix.Write(p.fd, token) // there is room for thousands
	p.mark.Store(idle)
	return os.NewSyscallError("write", err)
}

// semaphore is a futex that has the id of the thread that has locked it, or 0.
type semaphore struct {
	word  *atomic.Uint32
	tid   uint32 // the thread that has registered
	heirs *robustList
}

// robustList is struct robust_list_head. The list itself stays empty: the one futex
// that there is counts as being locked or unlocked all the time, in which case the
// kernel looks at it, too.
type robustList struct {
	next    uintptr
	offset  int
	pending uintptr
}

func newSemaphore(word *atomic.Uint32) (*semaphore, error) {
	// The kernel reads the list when the thread ends, whenever that is: it is no
	// memory that could become something else.
	mem, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("acceptlock: %w", os.NewSyscallError("mmap", err))
	}
	l := (*robustList)(unsafe.Pointer(&mem[0]))
	l.next = uintptr(unsafe.Pointer(l))
	l.pending = uintptr(unsafe.Pointer(word)) | futexIsPI
	return &semaphore{word: word, heirs: l}, nil
}

const (
	futexLockPI   = 6
	futexUnlockPI = 7
	futexIsPI     = 1 // in the address of a robust futex
	ownerDied     = 1 << 30
)

// brokenPause keeps a process that sets right what another one always breaks again from
// doing only that.
const brokenPause = time.Millisecond

// register tells the kernel what this thread can have when it dies. Without it, a
// word with the id of a thread that died while nobody waited would wait for a thread
// that has the same id later.
func (s *semaphore) register() error {
	tid := uint32(unix.Gettid())
	if s.tid == tid {
		return nil
	}
	l := s.heirs
	_, _, errno := syscall.RawSyscall(unix.SYS_SET_ROBUST_LIST, uintptr(unsafe.Pointer(l)), unsafe.Sizeof(*l), 0)
	if errno != 0 {
		return os.NewSyscallError("set_robust_list", errno)
	}
	s.tid = tid
	return nil
}

func (s *semaphore) Lock() error {
	if err := s.register(); err != nil {
		return err
	}
	for {
		if s.word.CompareAndSwap(0, s.tid) {
			return nil
		}
		seen := s.word.Load()
		_, _, errno := syscall.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(s.word)), futexLockPI, 0, 0, 0, 0)
		switch errno {
		case 0:
			// It is inherited if ownerDied is set. What it protects cannot be left
			// in disorder.
			s.word.And(^uint32(ownerDied))
			return nil
		case unix.EINTR, unix.EAGAIN:
		case unix.ESRCH, unix.EINVAL, unix.EPERM:
			// No such thread: it had not registered, or died in a way of which the
			// kernel did not take notice. Or it is one that cannot have the lock:
			// somebody has written its id who should not have.
			s.word.CompareAndSwap(seen, 0)
			if errno != unix.ESRCH {
				time.Sleep(brokenPause)
			}
		default:
			return os.NewSyscallError("futex", errno)
		}
	}
}

func (s *semaphore) Unlock() error {
	if s.word.CompareAndSwap(s.tid, 0) {
		return nil
	}
	for {
		_, _, errno := syscall.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(s.word)), futexUnlockPI, 0, 0, 0, 0)
		if errno != unix.EINTR && errno != unix.EAGAIN {
			if errno == 0 {
				return nil
			}
			return os.NewSyscallError("futex", errno)
		}
	}
}
