package httpd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"time"

	"github.com/bident/bident/internal/ferry"
)

// moved is a connection that another process has given away.
type moved struct {
	parcel ferry.Parcel
	note   note
}

// errParcel says that a connection has come with something that cannot be.
var errParcel = errors.New("httpd: parcel cannot be taken over")

// adopt takes a connection over from another process and serves it as one that was
// accepted: what is unread first, then what the client sends. It does not wait. A
// front that drains gives it to the next one, or serves what is there already.
func (f *front) adopt(p ferry.Parcel) {
	n, err := readNote(p.Note, time.Now())
	if err != nil {
		f.log.Error("connection taken over with a malformed note", "error", err)
	}
	f.mu.Lock()
	f.coming++
	select {
	case <-f.empty:
		f.empty = make(chan struct{}) // the front has drained, and somebody comes late
	default:
	}
	f.mu.Unlock()
	f.sweeping.Do(func() { go f.sweeper() })
	f.total.Add(1)
	f.carriers.carry(arrival{moved: &moved{p, n}})
}

// enlist puts a connection that was taken over on the list.
func (f *front) enlist(c *conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.coming--
	f.conns.add(c)
	switch {
	case f.life.Err() != nil:
		c.Conn.Close()
	case f.draining.Load():
		c.wake()
	}
}

// decline forgets a connection that could not be taken over.
func (f *front) decline(m *moved, err error) {
	m.parcel.Close()
	f.log.Error("cannot take a connection over", "error", err)
	if f.turn != nil {
		f.turn.vacate()
	}
	f.opened(0) // it is over, as one that was
	f.mu.Lock()
	f.coming--
	f.mu.Unlock()
	if f.draining.Load() {
		f.drained()
	}
}

// take makes c the connection that has come. After an error it is none.
func (c *conn) take(m *moved) error {
	f, p, n := c.front, &m.parcel, &m.note
	if n.secure && f.tls == nil {
		return fmt.Errorf("%w: there is no certificate here", errParcel)
	}
	// What the front has not been admitted or begun to decode is read below it.
	below := f.proxied && !n.admitted && !n.fcgi || n.secure && len(p.Unread) > 0
	var size int64
	if p.File != nil {
		info, err := p.File.Stat()
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", errParcel, err)
		case !info.Mode().IsRegular() || below || n.secure:
			return fmt.Errorf("%w: it comes with a file that it cannot have", errParcel)
		}
		size = info.Size()
	}
	// FileConn makes a descriptor of its own, and does not block either.
	nc, err := f.connection(p.Conn)
	if err != nil {
		return fmt.Errorf("%w: %w", errParcel, err)
	}
	p.Conn.Close()
	p.Conn = nil
	if c.sock != nil {
		c.sock.openWide(nc)
		nc = c.sock
	}
	c.open(nc, n.secure, below)
	c.before, c.fcgi = n, n.fcgi
	c.requests, c.told, c.ending, c.aged = n.requests, n.told, n.last, n.age.Milliseconds()
	c.came = c.aged
	if !n.opened.IsZero() {
		c.opened = n.opened
	}
	if n.source.IsValid() {
		c.remote, c.local = net.TCPAddrFromAddrPort(n.source), net.TCPAddrFromAddrPort(n.target)
	}
	if c.requests == 0 {
		c.resume(phaseNew)
	}
	if p.File != nil {
		c.file, c.fileAt, c.fileSize = p.File, 0, size
		if p.File = nil; size == 0 {
			c.dropFile()
		}
	}
	switch {
	case below:
		c.socket.read = p.Unread
	case len(p.Unread) > 0:
		d := c.sit()
		d.fit(len(p.Unread))
		d.w += copy(d.in[d.w:], p.Unread)
		c.got += int64(len(p.Unread))
	}
	return nil
}

// resume begins a phase, of which some time may have passed in another process.
func (c *conn) resume(p phase) {
	c.phase.Store((c.front.clock.Load()-c.aged)<<phaseBits | int64(p))
	if p != phaseNew {
		c.aged = 0
	}
}

// readFile reads what has come in a file.
func (c *conn) readFile() (int, error) {
	d := c.sit()
	n, err := c.fromFile(d.in[d.w:])
	d.w += n
	c.got += int64(n)
	return n, err
}

// fromFile reads what has come in a file.
func (c *conn) fromFile(p []byte) (int, error) {
	n, err := c.file.ReadAt(p[:min(int64(len(p)), c.fileSize-c.fileAt)], c.fileAt)
	if c.fileAt += int64(n); err == nil && c.fileAt == c.fileSize {
		c.dropFile()
	}
	if n > 0 {
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // it has become shorter
	}
	return 0, err
}

// restOfFile reads all that is left of what has come in a file.
func (c *conn) restOfFile() ([]byte, error) {
	rest := make([]byte, c.fileSize-c.fileAt)
	_, err := c.file.ReadAt(rest, c.fileAt)
	c.dropFile()
	if err == io.EOF {
		err = nil
	}
	return rest, err
}

func (c *conn) dropFile() {
	if c.file != nil {
		c.file.Close()
		c.file = nil
	}
}

// unnamedFile is a temporary file that has no name any more: whatever happens, it
// does not stay behind.
func unnamedFile() (*os.File, error) {
	f, err := os.CreateTemp("", "bident-body-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil && runtime.GOOS != "windows" {
		f.Close()
		return nil, err
	}
	return f, nil
}
