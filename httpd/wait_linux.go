package httpd

import (
	"net"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// rawWaiter waits for octets on a connection without giving up the thread.
//
// A goroutine that waits through the runtime's poller costs a child with one
// lane more than its request: the read that fails, the poller's system call and
// the switches around them. While requests keep coming it is cheaper to sit in
// poll(2) with the thread; the wait is short, because nothing else of the process
// runs meanwhile, a garbage collection included.
//
// Where they come less often it is the other way round: during each wait in vain
// the runtime's monitor wakes up every 50 microseconds or so, which costs more than
// the request. Fifty children that shared the load spent most of their time on it.
// So waits in vain make the next ones fewer.
type rawWaiter struct {
	raw  syscall.RawConn
	poll func(fd uintptr)
	set  pollFD
	hit  bool // the last wait was not in vain
	vain int  // waits in vain, one after the other
	skip int  // how many times not to wait
}

// mostVain bounds how many times there is no wait after one in vain: 2 to this.
const mostVain = 8

// rawPatience is how long a raw wait lasts at most.
const rawPatience = time.Millisecond

// pollFD is struct pollfd.
type pollFD struct {
	fd      int32
	events  int16
	revents int16
}

const pollIn = 1

// newRawWaiter makes a waiter for a connection, nil if there can be none.
func newRawWaiter(c net.Conn) *rawWaiter {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	w := &rawWaiter{raw: raw}
	w.poll = func(fd uintptr) {
		w.set = pollFD{fd: int32(fd), events: pollIn}
		patience := syscall.NsecToTimespec(int64(rawPatience))
		// Whatever the outcome, the read that follows tells more.
		n, _, _ := syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&w.set)), 1,
			uintptr(unsafe.Pointer(&patience)), 0, 0, 0)
		w.hit = n == 1
	}
	return w
}

// wait returns when there is something to read, or after a millisecond. What
// handlers have left running gets its turn first.
func (w *rawWaiter) wait() {
	if w == nil {
		return
	}
	if w.skip > 0 {
		w.skip--
		return
	}
	runtime.Gosched()
	_ = w.raw.Control(w.poll) // a connection that is closed says so to the read
	if w.hit {
		w.vain = 0
		return
	}
	w.vain = min(w.vain+1, mostVain)
	w.skip = 1 << w.vain
}
