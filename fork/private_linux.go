package fork

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// private is a UNIX listener that only one child accepts from and only its
// parent can reach: the socket's file is gone from the file system before the
// child starts, and the parent connects through a descriptor of it. So nothing
// is left behind, whoever is killed, and nobody else can slip in.
type private struct {
	mu   sync.RWMutex
	file *os.File // the socket's file, opened by name only (O_PATH)
	held int      // the listener, of an external program; -1 if it is not held
}

// newPrivate makes the listener. The descriptor is the child's end, blocking, as
// programs expect it; whoever started the child closes it, so that a connection
// to a child that is gone is refused.
func newPrivate(backlog int) (*private, int, error) {
	dir, err := os.MkdirTemp(privateRoot(), "bident-")
	if err != nil {
		return nil, -1, fmt.Errorf("fork: private listener: %w", err)
	}
	defer os.Remove(dir)
	file, fd, err := bindPrivate(dir, backlog)
	if err != nil {
		return nil, -1, fmt.Errorf("fork: private listener in %s: %w", dir, err)
	}
	return &private{file: file, held: -1}, fd, nil
}

// hold keeps the listener open here, too, which fd is: until release.
func (p *private) hold(fd int) error {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return fmt.Errorf("fork: private listener: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = own
	return nil
}

// pending reports whether a connection to the listener has not been accepted.
func (p *private) pending() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.held < 0 {
		return false
	}
	look := []unix.PollFd{{Fd: int32(p.held), Events: unix.POLLIN}}
	n, err := unix.Poll(look, 0)
	return err == nil && n > 0 && look[0].Revents&unix.POLLIN != 0
}

// shut makes accept fail from now on, for whoever waits in it, too.
func (p *private) shut() {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.held >= 0 {
		_ = unix.Shutdown(p.held, unix.SHUT_RDWR) // it is a listener, so it cannot fail
	}
}

// release ends what hold has begun. If nobody else has the listener, who has
// connected to it in vain learns that.
func (p *private) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held >= 0 {
		unix.Close(p.held)
		p.held = -1
	}
}

// memoryRoot is a file system in memory that most systems have: making and removing
// a file there takes a fraction of what it takes on a disk.
const memoryRoot = "/dev/shm"

// privateRoot is where the directories of private listeners are made.
func privateRoot() string {
	if unix.Access(memoryRoot, unix.W_OK|unix.X_OK) == nil {
		return memoryRoot
	}
	return os.TempDir()
}

func bindPrivate(dir string, backlog int) (*os.File, int, error) {
	// By way of the directory's descriptor, since a socket's path must be short.
	at, err := os.Open(dir)
	if err != nil {
		return nil, -1, err
	}
	defer at.Close()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, -1, fmt.Errorf("socket: %w", err)
	}
	file, err := func() (*os.File, error) {
		name := filepath.Join(procFD(at), "s")
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: name}); err != nil {
			return nil, fmt.Errorf("bind: %w", err)
		}
		defer os.Remove(filepath.Join(dir, "s"))
		if err := unix.Listen(fd, backlog); err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		own, err := unix.Open(filepath.Join(dir, "s"), unix.O_PATH|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
		if err != nil {
			return nil, fmt.Errorf("open: %w", err)
		}
		return os.NewFile(uintptr(own), "private"), nil
	}()
	if err != nil {
		unix.Close(fd)
		return nil, -1, err
	}
	return file, fd, nil
}

func procFD(f *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) }

// dial connects to the child, or rather to its backlog: it does not wait for the
// child to accept.
func (p *private) dial() (net.Conn, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.file == nil {
		return nil, fmt.Errorf("fork: private listener: %w", net.ErrClosed)
	}
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: procFD(p.file)})
	if err != nil {
		return nil, fmt.Errorf("fork: private listener: %w", err)
	}
	return c, nil
}

func (p *private) close() {
	p.release()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file != nil {
		p.file.Close()
		p.file = nil
	}
}
