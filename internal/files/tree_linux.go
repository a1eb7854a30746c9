package files

import (
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// beneath is a tree over openat2(2), which resolves a path in the kernel and
// never leaves the directory.
type beneath struct {
	dir *os.File
	fd  int // of dir, which is never in Go's poller, so that Fd changes nothing
	how unix.OpenHow
}

// newTree opens a directory. Where openat2 or statx is not to be had (Linux
// before 5.6, a sandbox that refuses them) it is an os.Root.
func newTree(path string, links Symlinks) (tree, error) {
	if t, err := newBeneath(path, links); err == nil {
		return t, nil
	}
	// os.Root says what is wrong with the directory, or does the work.
	return newRootTree(path, links)
}

func newBeneath(path string, links Symlinks) (*beneath, error) {
	dir, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	t := &beneath{dir: dir, fd: int(dir.Fd()), how: unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC | unix.O_LARGEFILE,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	}}
	if links == Never {
		t.how.Resolve |= unix.RESOLVE_NO_SYMLINKS
	}
	o, err := t.open(".\x00") // the probe
	if err != nil {
		dir.Close()
		return nil, err
	}
	o.close()
	if _, err := t.stat(".\x00"); err != nil {
		dir.Close()
		return nil, err
	}
	return t, nil
}

// tries bounds how often an open is tried that failed with EAGAIN: a component
// was renamed while the kernel made sure that ".." stays inside (openat2(2)).
const tries = 128

func (t *beneath) open(name string) (opened, error) { return t.openAs(name, t.how) }

// trace opens without links first, so that nothing is added where there are none.
func (t *beneath) trace(name string) (opened, string, error) {
	how := t.how
	how.Resolve |= unix.RESOLVE_NO_SYMLINKS
	o, err := t.openAs(name, how)
	if err != unix.ELOOP {
		return o, "", err
	}
	if o, err = t.open(name); err != nil {
		return opened{}, "", err
	}
	own, err := t.own(o.fd)
	if err != nil {
		o.close()
		return opened{}, "", err
	}
	return o, own, nil
}

// own is the path of an open file below the directory, as the kernel has it now. It
// fails with errRefused if that cannot be known, as without /proc.
func (t *beneath) own(fd int) (string, error) {
	root, err := os.Readlink(descriptors + strconv.Itoa(t.fd))
	if err != nil {
		return "", errRefused
	}
	path, err := os.Readlink(descriptors + strconv.Itoa(fd))
	if err != nil {
		return "", errRefused
	}
	own, below := strings.CutPrefix(path, strings.TrimSuffix(root, "/"))
	if !below || len(own) < 2 || own[0] != '/' || strings.HasSuffix(own, " (deleted)") {
		return "", errRefused
	}
	return own, nil
}

// descriptors is where the kernel shows what a process has open.
const descriptors = "/proc/self/fd/"

func (t *beneath) inspect(name string) (info, error) {
	how := t.how
	how.Flags = unix.O_PATH | unix.O_CLOEXEC
	o, err := t.openAs(name, how)
	if err != nil {
		return info{}, err
	}
	closeDescriptor(o.fd)
	return o.info, nil
}

func (t *beneath) openAs(name string, how unix.OpenHow) (opened, error) {
	for range tries {
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT2, uintptr(t.fd), uintptr(unsafe.Pointer(unsafe.StringData(name))),
			uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0, 0)
		switch errno {
		case 0:
			in, err := lookDescriptor(int(fd))
			if err != nil {
				closeDescriptor(int(fd))
				return opened{}, err
			}
			return opened{info: in, open: true, fd: int(fd)}, nil
		case unix.EAGAIN, unix.EINTR:
		default:
			return opened{}, errno
		}
	}
	return opened{}, errBusy
}

func (t *beneath) stat(name string) (info, error) { return statx(t.fd, name, 0) }

func (t *beneath) close() error { return t.dir.Close() }

// statx looks at name, which ends with NUL.
func statx(dir int, name string, flags int) (info, error) {
	var st unix.Statx_t
	for {
		_, _, errno := unix.Syscall6(unix.SYS_STATX, uintptr(dir), uintptr(unsafe.Pointer(unsafe.StringData(name))),
			uintptr(flags), unix.STATX_BASIC_STATS, uintptr(unsafe.Pointer(&st)), 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return info{}, errno
		}
		break
	}
	return info{
		regular: st.Mode&unix.S_IFMT == unix.S_IFREG, dir: st.Mode&unix.S_IFMT == unix.S_IFDIR,
		mode: uint32(st.Mode & 0o777), owned: true, uid: st.Uid, gid: st.Gid,
		size:     int64(st.Size),
		modified: nanoseconds(st.Mtime.Sec, int64(st.Mtime.Nsec)),
		changed:  nanoseconds(st.Ctime.Sec, int64(st.Ctime.Nsec)),
		dev:      uint64(st.Dev_major)<<32 | uint64(st.Dev_minor), ino: st.Ino,
	}, nil
}

func lookDescriptor(fd int) (info, error) { return statx(fd, "\x00", unix.AT_EMPTY_PATH) }

func closeDescriptor(fd int) { unix.Close(fd) }

func readDescriptor(fd int, p []byte, offset int64) (int, error) {
	for {
		n, err := unix.Pread(fd, p, offset)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}
