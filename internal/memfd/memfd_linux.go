package memfd

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// sized are the seals that fix the size, and the seals themselves.
const sized = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL

// ErrUnsealed says that a file given as shared memory could still be truncated
// by somebody, which would kill whoever touches the mapping.
var ErrUnsealed = errors.New("memfd: size is not sealed")

// Shared makes memory of size bytes, all zero, that can be given to other
// processes. Pages take up space when they are first written. name is seen in
// /proc only.
func Shared(name string, size int) (*os.File, error) {
	f, err := create(name)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(int64(size)); err != nil {
		f.Close()
		return nil, fmt.Errorf("memfd: %d bytes: %w", size, err)
	}
	return seal(f, sized)
}

// Frozen makes a file that holds data and that nobody can change.
func Frozen(name string, data []byte) (*os.File, error) {
	f, err := create(name)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return nil, fmt.Errorf("memfd: %w", err)
	}
	return seal(f, sized|unix.F_SEAL_WRITE)
}

// create makes an empty file. Newer kernels want to be told that it will never
// be executed, older ones refuse the flag.
func create(name string) (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd: create: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func seal(f *os.File, seals int) (*os.File, error) {
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		f.Close()
		return nil, fmt.Errorf("memfd: seal: %w", err)
	}
	return f, nil
}

// Map maps shared memory for reading and writing. The file can be closed
// afterwards. The error is ErrUnsealed if its size is not fixed.
func Map(f *os.File) ([]byte, error) {
	seals, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0)
	if err != nil {
		return nil, fmt.Errorf("memfd: %w", err)
	}
	if seals&sized != sized {
		return nil, ErrUnsealed
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("memfd: %w", err)
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("memfd: map %d bytes: %w", info.Size(), err)
	}
	return mem, nil
}

// Unmap ends a mapping that Map made. Nothing may point into it any more.
func Unmap(mem []byte) error { return unix.Munmap(mem) }

// ReadAll is the text of a frozen file. The file offset, which all who have the
// descriptor share, plays no part.
func ReadAll(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("memfd: %w", err)
	}
	data, err := io.ReadAll(io.NewSectionReader(f, 0, info.Size()))
	if err != nil {
		return nil, fmt.Errorf("memfd: %w", err)
	}
	return data, nil
}
