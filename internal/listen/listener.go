package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrNotSocket says that there is a file at the path of a UNIX socket that is
// something else.
var ErrNotSocket = errors.New("exists and is not a socket")

// Options are the particulars of a listener.
type Options struct {
	// Backlog is how many connections the kernel keeps for a server that is
	// busy. 0 and less mean the system's maximum (SOMAXCONN). It has an
	// effect on Linux only.
	Backlog int
	// Mode is the access to a UNIX socket's path, such as 0660. 0 leaves it to
	// the umask.
	Mode fs.FileMode
	// Owner is whose a UNIX socket's path becomes. Nil leaves it to the system.
	Owner *Owner
	// Lent says that an inherited socket belongs to whoever has made it, such as a
	// service manager, for longer than any server: the path of a UNIX socket stays,
	// whatever Keep says. Only Inherit heeds it.
	Lent bool
}

// Owner is a user and a group; -1 is the one that it has anyway.
type Owner struct{ UID, GID int }

// Listener is a bound address that listens.
type Listener struct {
	net.Listener
	path *path // nil unless it is a UNIX socket with a path
}

// Close stops listening and removes the path of a UNIX socket, if it is still
// ours, and not kept.
func (l *Listener) Close() error {
	if l.path != nil {
		l.path.remove()
	}
	return l.Listener.Close()
}

// SetDeadline makes Accept fail from that time on; the zero time takes it back.
func (l *Listener) SetDeadline(t time.Time) error {
	d, ok := l.Listener.(interface{ SetDeadline(time.Time) error })
	if !ok {
		return errors.ErrUnsupported
	}
	return d.SetDeadline(t)
}

// Open listens on an address. network is "tcp", "tcp4", "tcp6" or "unix";
// address is as for net.Listen, and a UNIX address that begins with @ is an
// abstract one. Port 0 picks a port. Every error names the address.
func Open(network, address string, o Options) (*Listener, error) {
	l, err := open(network, address, o)
	if err != nil {
		return nil, fmt.Errorf("listen %s %s: %w", network, address, plain(err))
	}
	return l, nil
}

// plain is err without the words with which package net repeats the address.
func plain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func open(network, address string, o Options) (*Listener, error) {
	config := net.ListenConfig{
		Control: func(_, _ string, c syscall.RawConn) error { return prepare(c, network, o) },
	}
	// Siblings and descriptors handed to programs are plain TCP.
	config.SetMultipathTCP(false)
	switch network {
	case "tcp", "tcp4", "tcp6":
		l, err := config.Listen(context.Background(), network, address)
		return finish(l, nil, o, err)
	case "unix":
		l, err := config.Listen(context.Background(), network, address)
		if address == "" || address[0] == '@' {
			return finish(l, nil, o, err)
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			if err = reclaim(address); err == nil {
				l, err = config.Listen(context.Background(), network, address)
			}
		}
		return finish(l, &path{name: address}, o, err)
	}
	return nil, fmt.Errorf("network is none of tcp, tcp4, tcp6, unix: %w", errors.ErrUnsupported)
}

// finish does to a bound listener what net.ListenConfig has no words for.
func finish(l net.Listener, p *path, o Options, err error) (*Listener, error) {
	if err != nil {
		return nil, err
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	bound := &Listener{Listener: l}
	if p != nil {
		bound.path = p
		if err := p.own(o); err != nil {
			bound.Close()
			return nil, err
		}
	}
	if err := setBacklog(l, o.Backlog); err != nil {
		bound.Close()
		return nil, err
	}
	return bound, nil
}

// path is the file of a UNIX socket.
type path struct {
	name string
	info fs.FileInfo // of the file that we made
	kept atomic.Bool // another process has the socket, and will remove the file
}

// own remembers which file it is and sets its owner and mode.
func (p *path) own(o Options) (err error) {
	if p.info, err = os.Lstat(p.name); err != nil {
		return err
	}
	if o.Owner != nil {
		if err := os.Lchown(p.name, o.Owner.UID, o.Owner.GID); err != nil {
			return fmt.Errorf("change of owner: %w", bare(err))
		}
	}
	if o.Mode != 0 {
		return os.Chmod(p.name, o.Mode)
	}
	return nil
}

// bare is err without the path, which others name.
func bare(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// remove removes the file unless it is another one by now. It is called while
// the socket is still open, so that the file's number cannot have been given to
// another file.
func (p *path) remove() {
	if p.kept.Load() {
		return
	}
	if info, err := os.Lstat(p.name); err == nil && os.SameFile(info, p.info) {
		os.Remove(p.name)
	}
}

// reclaim makes room at a path that cannot be bound because there is a file. It
// removes the file if it is a socket that nobody listens on.
func reclaim(name string) error {
	before, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if before.Mode().Type() != fs.ModeSocket {
		return ErrNotSocket
	}
	c, err := net.DialTimeout("unix", name, time.Second)
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		// Also a server with a full backlog, or one that does not let us in.
		return fmt.Errorf("in use by another server: %w", syscall.EADDRINUSE)
	}
	now, err := os.Lstat(name)
	if err == nil && os.SameFile(before, now) {
		err = os.Remove(name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
