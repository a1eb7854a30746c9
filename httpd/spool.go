package httpd

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

const (
	// spoolSmall is the size of bodies that a desk has memory for anyway.
	spoolSmall = 16 << 10
	// spoolMemory is how much of one body is kept in memory.
	spoolMemory = 1 << 20
)

// errSpool says that a body could not be kept.
var errSpool = errors.New("httpd: body of a request")

// errSpoolFull says that there is no room for bodies at the moment.
var errSpoolFull = errors.New("httpd: too many bodies at a time")

// spool holds a request's body: in memory as long as it is small and the front
// has memory to give, in a temporary file beyond. A file is mapped, so that
// handlers find every body as octets in memory, and the kernel may take them out
// again.
type spool struct {
	front   *front
	buf     []byte
	taken   int64 // octets of the front's budget
	file    *os.File
	stored  int64
	charged int64 // octets of the front's budget of files
	mapped  []byte
}

// reset makes the spool ready for a body of about size octets, which may be 0
// if that is not known.
func (s *spool) reset(size int64) error {
	if size > spoolMemory {
		return s.spill()
	}
	if size > int64(cap(s.buf)) {
		return s.grow(int(size))
	}
	return nil
}

// grow makes room in memory for size octets in all, or goes over to a file.
func (s *spool) grow(size int) error {
	if size > spoolMemory {
		return s.spill()
	}
	size = max(size, spoolSmall)
	more := int64(size) - s.taken
	if size > spoolSmall {
		if s.front.bodyMemory.Add(more) > s.front.limits.BodyMemory {
			s.front.bodyMemory.Add(-more)
			return s.spill()
		}
		s.taken += more
	}
	buf := make([]byte, len(s.buf), size)
	copy(buf, s.buf)
	s.buf = buf
	return nil
}

// spill goes over to a file, which has no name any more: whatever happens, it
// does not stay behind.
func (s *spool) spill() error {
	f, err := unnamedFile()
	if err != nil {
		return fmt.Errorf("%w: %w", errSpool, err)
	}
	s.file = f
	if len(s.buf) > 0 {
		return s.store(s.buf)
	}
	return nil
}

func (s *spool) store(p []byte) error {
	if s.front.bodyDisk.Add(int64(len(p))) > s.front.limits.BodyDisk {
		s.front.bodyDisk.Add(-int64(len(p)))
		return errSpoolFull
	}
	s.charged += int64(len(p))
	n, err := s.file.Write(p)
	s.stored += int64(n)
	if err != nil {
		return fmt.Errorf("%w: %w", errSpool, err)
	}
	return nil
}

// write adds p to the body.
func (s *spool) write(p []byte) error {
	if s.file == nil && len(s.buf)+len(p) > cap(s.buf) {
		if err := s.grow(max(len(s.buf)+len(p), min(2*len(s.buf), spoolMemory))); err != nil {
			return err
		}
	}
	if s.file != nil {
		return s.store(p)
	}
	s.buf = append(s.buf, p...)
	return nil
}

// size is how many octets there are.
func (s *spool) size() int64 {
	if s.file != nil {
		return s.stored
	}
	return int64(len(s.buf))
}

// octets is the whole body, valid until release.
func (s *spool) octets() ([]byte, error) {
	if s.file == nil {
		return s.buf, nil
	}
	if s.mapped == nil && s.stored > 0 {
		b, err := mapFile(s.file, s.stored)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errSpool, err)
		}
		s.mapped = b
	}
	return s.mapped, nil
}

// release gives everything back but a small buffer.
func (s *spool) release() {
	if s.file == nil && s.taken == 0 {
		s.buf = s.buf[:0]
		return
	}
	if s.mapped != nil {
		unmapFile(s.mapped)
	}
	if s.file != nil {
		s.file.Close()
		if runtime.GOOS == "windows" {
			os.Remove(s.file.Name())
		}
	}
	s.front.bodyMemory.Add(-s.taken)
	s.front.bodyDisk.Add(-s.charged)
	*s = spool{front: s.front}
}

// abandon leaves the body to a handler that does not return: it is released when
// nobody has its desk any more.
func (s *spool) abandon(d *desk) {
	if s.file == nil && s.taken == 0 {
		return
	}
	left := *s
	runtime.AddCleanup(d, func(s *spool) { s.release() }, &left)
}
