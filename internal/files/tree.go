package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// tree is a directory that is held open, and opens what is below it. Names are
// slash-separated, without a slash at either end, and end with a NUL octet, so
// that they can be given to the system as they are.
type tree interface {
	// open opens a file for reading, without waiting, and looks at it. It never
	// opens one outside of the tree.
	open(name string) (opened, error)
	// trace is open. If there were links on the way it gives the file's own path, too:
	// slash-separated, with a slash at its beginning, which is that of the tree.
	trace(name string) (o opened, own string, err error)
	// stat is the identity of what name leads to now. It may be of a file
	// outside: it serves to recognise one that open has given.
	stat(name string) (info, error)
	// inspect is the identity of what name leads to, without opening it for
	// reading. It is never of a file outside.
	inspect(name string) (info, error)
	close() error
}

// errBusy is an open that failed since the directories were being changed, again
// and again.
var errBusy = errors.New("the directory keeps changing")

// info is what is known of a file without reading it.
type info struct {
	regular, dir bool
	mode         uint32 // permissions
	owned        bool   // uid and gid are known
	uid, gid     uint32
	size         int64
	// modified is in nanoseconds since 1970, never negative.
	modified int64
	// changed is the same for the status, which includes the content: nobody can
	// set it. 0 where the system does not tell.
	changed  int64
	dev, ino uint64
	// portable stands for dev and ino where they are not known.
	portable fs.FileInfo
}

// executable tells whether the file has an execute bit.
func (i *info) executable() bool { return i.mode&0o111 != 0 }

// same tells whether i and j are of one file that was not changed in between.
func (i *info) same(j *info) bool {
	if i.size != j.size || i.modified != j.modified || i.changed != j.changed ||
		i.regular != j.regular || i.dev != j.dev || i.ino != j.ino {
		return false
	}
	return i.portable == nil && j.portable == nil || os.SameFile(i.portable, j.portable)
}

// settle is how long a file has to have been left alone for its times to tell it
// from the next version: longer than the tick of any clock that stamps files.
const settle = 100 * time.Millisecond

// settled tells whether the file has been left alone for so long that the next
// change will show in info.
func (i *info) settled(now time.Time, long time.Duration) bool {
	last := i.changed
	if last == 0 {
		last = i.modified
	}
	return now.UnixNano()-last >= int64(long)
}

// infoOf is what a FileInfo tells.
func infoOf(fi fs.FileInfo) info {
	return info{
		regular: fi.Mode().IsRegular(), dir: fi.IsDir(), size: fi.Size(), mode: uint32(fi.Mode().Perm()),
		modified: nanoseconds(fi.ModTime().Unix(), int64(fi.ModTime().Nanosecond())), portable: fi,
	}
}

// nanoseconds since 1970: 0 for times before, and at most about the year 2262.
func nanoseconds(seconds, rest int64) int64 {
	switch {
	case seconds < 0:
		return 0
	case seconds >= (1<<63-1)/1_000_000_000:
		return 1<<63 - 1
	}
	return seconds*1_000_000_000 + rest
}

// opened is a file that is open for reading and was looked at, or, as zero
// value, none.
type opened struct {
	info info
	// open: there is one. It is f or, if that is nil, fd.
	open bool
	f    *os.File
	fd   int
}

// file gives the descriptor away as an *os.File. o is none afterwards.
func (o *opened) file() *os.File {
	f := o.f
	if f == nil {
		f = os.NewFile(uintptr(o.fd), "static file")
	}
	*o = opened{}
	return f
}

// close closes the file, if there is one.
func (o *opened) close() {
	switch {
	case !o.open:
	case o.f != nil:
		o.f.Close()
	default:
		closeDescriptor(o.fd)
	}
	*o = opened{}
}

// look looks at the open file again.
func (o *opened) look() (info, error) {
	if o.f == nil {
		return lookDescriptor(o.fd)
	}
	fi, err := o.f.Stat()
	if err != nil {
		return info{}, err
	}
	return infoOf(fi), nil
}

// readAll reads the whole file. It fails with errChanged if the file was changed
// meanwhile, so that what it returns is one version.
func (o *opened) readAll() ([]byte, error) {
	data := make([]byte, o.info.size)
	for n := 0; n < len(data); {
		m, err := o.readAt(data[n:], int64(n))
		if m == 0 {
			if err == nil || errors.Is(err, io.EOF) {
				return nil, errChanged
			}
			return nil, err
		}
		n += m
	}
	after, err := o.look()
	if err != nil {
		return nil, err
	}
	if !after.same(&o.info) {
		return nil, errChanged
	}
	return data, nil
}

// errChanged is a file that is no longer what it was a moment ago.
var errChanged = errors.New("the file has changed")

// readAt reads at an offset; it may read less than asked for.
func (o *opened) readAt(p []byte, offset int64) (int, error) {
	if o.f == nil {
		return readDescriptor(o.fd, p, offset)
	}
	return o.f.ReadAt(p, offset)
}
