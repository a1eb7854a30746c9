package blocking

import (
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Lock is what a process must have while it waits for a connection. Its methods are
// called from one thread. A wait for it cannot be interrupted.
type Lock interface {
	Lock() error
	Unlock() error
}

// doing is what the goroutine that accepts is doing.
type doing int

const (
	locking doing = iota // or about to
	waiting              // for a connection
	handing              // a connection to its listener
	ended
)

// serial is a group of listeners, for which one goroutine accepts while it has the
// lock. There is one lock for all addresses: whoever has it waits in poll for all of
// them, and nobody else does.
type serial struct {
	fds   []int
	local []net.Addr
	lock  Lock
	ports []*serialPort

	mu    sync.Mutex
	moved sync.Cond
	doing doing
	tid   int  // the thread that waits
	quit  bool // no more is to be accepted
	last  bool // but for what waits
	over  chan struct{}
}

// Serialize takes over listeners that are shared with other processes, of which one
// at a time waits for a connection: the one that has the lock. What is accepted are
// ordinary connections. If the listeners are closed while the lock is waited for it
// is given back when it comes.
func Serialize(shared []net.Listener, lock Lock) ([]net.Listener, error) {
	fds, local, err := detachAll(shared, true)
	if err != nil {
		return nil, err
	}
	s := &serial{fds: fds, local: local, lock: lock, over: make(chan struct{})}
	s.moved.L = &s.mu
	list := make([]net.Listener, len(fds))
	for i := range fds {
		p := &serialPort{group: s, index: i, accepted: make(chan accepted)}
		s.ports = append(s.ports, p)
		list[i] = p
	}
	go s.run()
	return list, nil
}

// run is the goroutine that accepts. Its thread ends with it, because the lock may
// belong to the thread.
func (s *serial) run() {
	runtime.LockOSThread()
	for s.turn() {
	}
}

// turn takes the lock, waits for a connection, gives the lock back, and hands the
// connection over. It reports false at the end.
func (s *serial) turn() bool {
	err := s.lock.Lock()
	s.mu.Lock()
	if s.quit {
		s.mu.Unlock()
		if err == nil {
			_ = s.lock.Unlock() // nobody is left to be told
		}
		return false
	}
	var index int
	var a arrival
	s.doing = handing
	if err == nil {
		s.doing, s.tid = waiting, unix.Gettid()
		s.mu.Unlock()
		index, a, err = wait(s.fds, int(acceptWait/time.Millisecond))
		if failed := s.lock.Unlock(); failed != nil && err != nil {
			err = failed
		}
		s.mu.Lock()
		s.doing = handing
	}
	s.moved.Broadcast()
	s.mu.Unlock()
	switch err {
	case nil, unix.EINTR, unix.EAGAIN, errWaited:
	default:
		s.ports[index].accepted <- accepted{err: err}
	}
	if err == nil {
		c, err := ordinary(a.fd)
		s.ports[index].accepted <- accepted{c, err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doing = locking
	s.moved.Broadcast()
	return !s.quit
}

// stop ends accepting; l.mu is held. Whoever waits for the lock holds nothing and is
// left alone.
func (s *serial) stop() {
	if s.quit {
		return
	}
	s.quit = true
	for s.doing == waiting || s.doing == handing {
		if s.doing == waiting {
			_ = unix.Tgkill(os.Getpid(), s.tid, unix.SIGURG)
		}
		again := time.AfterFunc(nudge, s.moved.Broadcast)
		s.moved.Wait()
		again.Stop()
	}
	close(s.over)
}

// accepted is what is handed over.
type accepted struct {
	conn net.Conn
	err  error
}

// serialPort is one of the addresses.
type serialPort struct {
	group    *serial
	index    int
	accepted chan accepted
}

// Accept implements net.Listener.
func (p *serialPort) Accept() (net.Conn, error) {
	select {
	case a := <-p.accepted:
		if a.err != nil {
			return nil, p.failed(a.err)
		}
		return a.conn, nil
	case <-p.group.over:
		return p.rest()
	}
}

// rest takes what still waits, if that is wanted, without the lock: nobody waits here.
func (p *serialPort) rest() (net.Conn, error) {
	s := p.group
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last {
		return nil, p.failed(net.ErrClosed)
	}
	a, err := accept4(s.fds[p.index])
	if err == unix.EAGAIN {
		return nil, p.failed(os.ErrDeadlineExceeded)
	}
	if err != nil {
		return nil, p.failed(err)
	}
	c, err := ordinary(a.fd)
	if err != nil {
		return nil, p.failed(err)
	}
	return c, nil
}

// Addr implements net.Listener.
func (p *serialPort) Addr() net.Addr { return p.group.local[p.index] }

// SetDeadline lets what waits be accepted before Accept fails, whatever the time.
func (p *serialPort) SetDeadline(time.Time) error {
	s := p.group
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = s.fds != nil
	s.stop()
	return nil
}

// Close implements net.Listener. It closes all listeners of the group.
func (p *serialPort) Close() error {
	s := p.group
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = false
	s.stop()
	for _, fd := range s.fds {
		unix.Close(fd)
	}
	s.fds = nil
	return nil
}

func (p *serialPort) failed(err error) error { return failed(p.Addr(), err) }

// ordinary makes a connection of package net of a descriptor, which it closes.
func ordinary(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close()
	return net.FileConn(f)
}
