package httpd

import (
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

// visitors are the connections that the parent has given to this child, or is
// about to.
type visitors struct {
	mu       sync.Mutex
	last     int
	expected map[string]func(net.Conn)
	here     int
	leaving  func() // called when none is here
}

// visitorPrefix is what the name of a given connection begins with.
const visitorPrefix = "connection "

// expect makes a name by which a connection is going to be given; f gets it.
func (v *visitors) expect(f func(net.Conn)) (name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last++
	name = visitorPrefix + strconv.Itoa(v.last)
	if v.expected == nil {
		v.expected = make(map[string]func(net.Conn))
	}
	v.expected[name] = f
	v.here++
	return name
}

// receive takes a connection that has come.
func (v *visitors) receive(name string, file *os.File) {
	defer file.Close()
	v.mu.Lock()
	f := v.expected[name]
	delete(v.expected, name)
	v.mu.Unlock()
	if f == nil {
		return
	}
	c, err := net.FileConn(file)
	if err != nil {
		c = broken{}
	}
	h := &hold{Conn: c, release: v.left}
	f(h)
}

// left counts a connection that has been closed.
func (v *visitors) left() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.here--; v.here == 0 && v.leaving != nil {
		v.leaving()
	}
}

// leave calls f when no connection is here any more.
func (v *visitors) leave(f func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.leaving = f; v.here == 0 {
		f()
	}
}

// broken is a connection that could not be taken over.
type broken struct{ net.Conn }

func (broken) Read([]byte) (int, error)         { return 0, net.ErrClosed }
func (broken) Write([]byte) (int, error)        { return 0, net.ErrClosed }
func (broken) Close() error                     { return nil }
func (broken) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (broken) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (broken) SetDeadline(time.Time) error      { return net.ErrClosed }
func (broken) SetReadDeadline(time.Time) error  { return net.ErrClosed }
func (broken) SetWriteDeadline(time.Time) error { return net.ErrClosed }
