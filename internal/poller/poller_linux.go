//go:build amd64 || arm64

package poller

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// Supported says whether there is a Poller on this system.
const Supported = true

// eventsMost is how many events are fetched at a time.
const eventsMost = 256

// edge is EPOLLET, which is negative in package syscall.
const edge = 1 << 31

// Poller is a set of descriptors.
type Poller struct {
	// The descriptor is used through wait only: after Close the number may be another
	// Poller's, whose events would be taken away.
	file   *os.File
	wait   syscall.RawConn
	bell   *os.File // an eventfd
	ring   syscall.RawConn
	events [eventsMost]syscall.EpollEvent
	n      int
	most   int // milliseconds that fetch waits
	fetch  func(uintptr)
	look   func(uintptr) bool
	rung   bool
	answer func(uintptr) bool
}

// New makes a Poller without descriptors.
func New() (*Poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("poller: %w", err)
	}
	bell, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errno != 0 {
		syscall.Close(fd)
		return nil, fmt.Errorf("poller: eventfd: %w", errno)
	}
	_ = syscall.SetNonblock(fd, true) // it is what makes os.NewFile take it for one to be polled
	p := &Poller{file: os.NewFile(uintptr(fd), "epoll"), bell: os.NewFile(bell, "eventfd")}
	var a, b error
	p.wait, a = p.file.SyscallConn()
	p.ring, b = p.bell.SyscallConn()
	// Only what can be waited for in the runtime's poller takes a deadline.
	if err := errors.Join(a, b, p.file.SetDeadline(time.Time{}), p.bell.SetDeadline(time.Time{})); err != nil {
		p.Close()
		return nil, fmt.Errorf("poller: %w", err)
	}
	p.fetch = func(fd uintptr) {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, fd,
			uintptr(unsafe.Pointer(&p.events)), eventsMost, uintptr(p.most), 0, 0)
		if errno != 0 {
			n = 0 // interrupted
		}
		p.n = int(n)
	}
	p.look = func(fd uintptr) bool {
		p.most = 0
		p.fetch(fd)
		return p.n > 0
	}
	p.answer = func(fd uintptr) bool {
		count := [8]byte{1}
		if p.rung = !p.rung; p.rung {
			// Only what comes from here on ends the wait.
			_, _, _ = syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&count)), 8)
			return false
		}
		_, _ = Read(int(fd), count[:])
		return true
	}
	return p, nil
}

// Close ends a Park with 0.
func (p *Poller) Close() {
	p.file.Close()
	p.bell.Close()
}

// Add adds a connection. tag, which is not negative, is what its events are
// reported with.
func (p *Poller) Add(fd, tag int) error {
	return p.control(syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN|syscall.EPOLLRDHUP|edge, tag)
}

// AddListener adds a listener, which is reported as long as somebody waits to be
// accepted.
func (p *Poller) AddListener(fd, tag int) error {
	return p.control(syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN, tag)
}

// Remove removes a descriptor. Closing the last duplicate of one removes it, too.
func (p *Poller) Remove(fd int) {
	_ = p.control(syscall.EPOLL_CTL_DEL, fd, 0, 0) // it was not there
}

func (p *Poller) control(op, fd int, events uint32, tag int) error {
	e := syscall.EpollEvent{Events: events, Fd: int32(tag)}
	var failed error
	err := p.wait.Control(func(own uintptr) { failed = syscall.EpollCtl(int(own), op, fd, &e) })
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("poller: %w", err)
	}
	return nil
}

// Poll waits for events, at most so many milliseconds, and returns how many there
// are: none if the Poller was closed.
func (p *Poller) Poll(milliseconds int) int {
	p.most = milliseconds
	if p.wait.Control(p.fetch) != nil {
		p.n = 0
	}
	return p.n
}

// Park waits for events as long as it takes. It returns how many there are, 0 if
// the Poller was closed.
func (p *Poller) Park() int {
	if p.wait.Read(p.look) != nil {
		p.n = 0
	}
	return p.n
}

// Yield lets all other goroutines run that can, those among them that wait in the
// runtime's poller for something that is there: while a goroutine is always
// runnable, nobody else looks into that poller.
func (p *Poller) Yield() {
	p.rung = false
	_ = p.ring.Read(p.answer)
}

// Event is one of the events that Poll or Park has found: whose it is, and whether
// the other side has sent its last octet.
func (p *Poller) Event(i int) (tag int, last bool) {
	e := &p.events[i]
	return int(e.Fd), e.Events&(syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0
}
