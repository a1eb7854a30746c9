package acceptlock

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/memfd"
)

// Keeper is the parent's end of a lock.
type Keeper struct {
	kind  Kind
	files []*os.File
	marks []byte // of Pipe
	token int    // descriptor of its pipe; no os.File, whose Fd would make it blocking
}

// Open makes a lock for processes with slots below slots. path is the file of Flock,
// which is made if it is not there and stays behind; it must be a regular file, and no
// symbolic link; "" is a temporary one without a name. Close gives the lock back.
func Open(kind Kind, path string, slots int) (*Keeper, error) {
	k := &Keeper{kind: kind, token: -1}
	var err error
	switch kind {
	case Flock:
		err = k.openFile(path)
	case Semaphore:
		err = k.share(os.Getpagesize())
	case Pipe:
		if err = k.share(4 * slots); err == nil {
			err = k.openPipe()
		}
	default:
		err = fmt.Errorf("%s: %w", kind, errors.ErrUnsupported)
	}
	if err != nil {
		k.Close()
		return nil, fmt.Errorf("acceptlock: %w", err)
	}
	return k, nil
}

func (k *Keeper) openFile(path string) (err error) {
	var f *os.File
	if path != "" {
		f, err = openRegular(path)
	} else if f, err = os.CreateTemp("", "bident-lock-"); err == nil {
		err = os.Remove(f.Name())
	}
	if f != nil {
		k.files = append(k.files, f)
	}
	return err
}

// openRegular opens the file at path, or makes it. In a directory that others can
// write to, as /tmp, a name may be theirs: a link must not make a file elsewhere, and
// a pipe or device must not do whatever it does.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	switch {
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENXIO):
		return nil, fmt.Errorf("%w: %w", errIrregular, err)
	case err != nil:
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: path, Err: errIrregular}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// errIrregular says that a lock's path leads to something else.
var errIrregular = errors.New("lock file is not a regular file")

func (k *Keeper) share(size int) error {
	f, err := memfd.Shared("bident-acceptlock", size)
	if err != nil {
		return err
	}
	k.files = append(k.files, f)
	k.marks, err = memfd.Map(f)
	return err
}

// openPipe makes the pipe, with the token in it. It is read and written through one
// descriptor.
func (k *Keeper) openPipe() error {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	// The keeper never waits: whoever has the pipe can fill it.
	fd, err := reopen(p[0], unix.O_NONBLOCK)
	if err != nil {
		return err
	}
	k.token = fd
	return k.put()
}

// reopen opens what fd has open anew: a description that fd does not share.
func reopen(fd, flags int) (int, error) {
	own, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDWR|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return -1, fmt.Errorf("descriptor cannot be opened again: %w", err)
	}
	return own, nil
}

// Issue makes the descriptors for one child, to be closed here once it has them.
func (k *Keeper) Issue() ([]int, error) {
	var fds []int
	var err error
	issue := func(fd int, failed error) {
		if err = errors.Join(err, failed); failed == nil {
			fds = append(fds, fd)
		}
	}
	for _, f := range k.files {
		if k.kind == Flock {
			issue(reopen(int(f.Fd()), 0))
		} else {
			issue(unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3))
		}
	}
	if k.kind == Pipe {
		issue(reopen(k.token, 0))
	}
	if err != nil {
		for _, fd := range fds {
			unix.Close(fd)
		}
		return nil, fmt.Errorf("acceptlock: %w", err)
	}
	return fds, nil
}

// Bury must be called when the process with a slot has died, before there is another
// one with it. It may take some milliseconds.
func (k *Keeper) Bury(slot int) error {
	if k.kind != Pipe {
		return nil // the kernel has done it
	}
	k.thin()
	m := markOf(k.marks, slot)
	switch m.Swap(idle) {
	case idle:
		return nil
	case holds:
		return k.put()
	}
	// It died while it was reading the token or writing it. If somebody else has it
	// now he says so within a moment.
	for range buryLooks {
		if k.there() {
			return nil
		}
		time.Sleep(buryPause)
	}
	return k.put()
}

const (
	// buryLooks is how often the parent looks for a token, buryPause the time
	// between. A process that was stopped in the middle for longer than that is the
	// reason for one that is too many.
	buryLooks = 5
	buryPause = 2 * time.Millisecond
)

// there reports whether the token is in the pipe, or somebody has it.
func (k *Keeper) there() bool {
	if n, err := unix.IoctlGetInt(k.token, unix.TIOCINQ); err != nil || n > 0 {
		return true
	}
	for slot := range len(k.marks) / 4 {
		if markOf(k.marks, slot).Load() == holds {
			return true
		}
	}
	return false
}

// put puts the token into the pipe, unless that is full of them.
func (k *Keeper) put() error {
	if _, err := unix.Write(k.token, token); err != nil && err != unix.EAGAIN {
		return fmt.Errorf("acceptlock: token: %w", err)
	}
	return nil
}

// thin takes all tokens but one out of the pipe. Only a process that is broken puts
// more there, and in a full pipe the others could not put back theirs.
func (k *Keeper) thin() {
	n, err := unix.IoctlGetInt(k.token, unix.TIOCINQ)
	if err == nil && n > 1 {
		_, _ = unix.Read(k.token, make([]byte, n-1)) // none are left, if somebody was faster
	}
}

// Close gives the lock back. The children may be gone or not.
func (k *Keeper) Close() error {
	var problems []error
	for _, f := range k.files {
		problems = append(problems, f.Close())
	}
	if k.marks != nil {
		problems = append(problems, memfd.Unmap(k.marks))
	}
	if k.token >= 0 {
		problems = append(problems, os.NewSyscallError("close", unix.Close(k.token)))
	}
	k.files, k.marks, k.token = nil, nil, -1
	return errors.Join(problems...)
}
