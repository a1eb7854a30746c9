package park

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// batch is how many events are taken at a time.
const batch = 64

// Lot watches descriptors that others own.
type Lot struct {
	file *os.File
	raw  syscall.RawConn
	done sync.WaitGroup
}

// Open makes a Lot. stirred is called by the Lot's goroutine with the tokens of
// those that have something to read or have been left; it must not keep the slice,
// and must not call Close.
func Open(stirred func(tokens []uint64)) (*Lot, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("park: epoll: %w", err)
	}
	// Non-blocking is what makes the runtime's poller wait for it.
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("park: epoll: %w", err)
	}
	l := &Lot{file: os.NewFile(uintptr(fd), "park")}
	if l.raw, err = l.file.SyscallConn(); err != nil {
		l.file.Close()
		return nil, fmt.Errorf("park: epoll: %w", err)
	}
	l.done.Go(func() { l.run(stirred) })
	return l, nil
}

// run is the life of the Lot's goroutine.
func (l *Lot) run(stirred func([]uint64)) {
	events, tokens := make([]unix.EpollEvent, batch), make([]uint64, 0, batch)
	n := 0
	take := func(fd uintptr) bool {
		var err error
		for {
			if n, err = unix.EpollWait(int(fd), events, 0); err != unix.EINTR {
				return n > 0
			}
		}
	}
	for l.raw.Read(take) == nil { // until it is closed
		tokens = tokens[:0]
		for _, e := range events[:n] {
			tokens = append(tokens, uint64(uint32(e.Fd))|uint64(uint32(e.Pad))<<32)
		}
		stirred(tokens)
	}
}

// Add watches a descriptor; what happens is reported once, with the token.
func (l *Lot) Add(fd uintptr, token uint64) error {
	return l.control(unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT,
		Fd:     int32(uint32(token)), Pad: int32(uint32(token >> 32)),
	})
}

// Remove ends the watch. What has happened to the descriptor until now may still
// be reported.
func (l *Lot) Remove(fd uintptr) error { return l.control(unix.EPOLL_CTL_DEL, fd, nil) }

func (l *Lot) control(op int, fd uintptr, e *unix.EpollEvent) error {
	var failed error
	err := l.raw.Control(func(own uintptr) { failed = unix.EpollCtl(int(own), op, int(fd), e) })
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("park: %w", err)
	}
	return nil
}

// Close ends the watch of all, and returns when nothing is reported any more.
func (l *Lot) Close() error {
	err := l.file.Close()
	l.done.Wait()
	return err
}

// Look reports, without waiting, whether octets wait on a connection, and whether
// it is at its end: nothing waits, and the client has closed it, or it is broken.
func Look(fd uintptr) (waiting, gone bool) {
	var b [1]byte
	for {
		n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if err == unix.EAGAIN {
			heed(int(fd))
		}
		if err != unix.EINTR {
			return n > 0, n <= 0 && err != unix.EAGAIN
		}
	}
}

// heed takes what the kernel has to say of what was sent. Whoever had the connection
// may have asked for that (MSG_ZEROCOPY, SO_TIMESTAMPING), and as long as it is there
// something has happened to the descriptor, over and over.
func heed(fd int) {
	var b [1]byte
	var oob [512]byte
	for range batch {
		if _, _, _, _, err := unix.Recvmsg(fd, b[:], oob[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT); err != nil {
			return
		}
	}
}
