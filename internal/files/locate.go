package files

import (
	"errors"
	"hash/maphash"
	"io/fs"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// Sort is what a file is to a [Rule].
type Sort uint8

const (
	// Plain is a file that may be sent as it is.
	Plain Sort = iota
	// Script is a file that a program runs.
	Script
	// Hidden is a file that is neither sent nor run.
	Hidden
)

// Rule tells scripts from other files. path is that of a request, decoded, and
// begins with a slash: /blog/index.php. It is the file's own, without anything
// that follows. executable says whether the file's mode has an execute bit. It
// is valid during the call only.
type Rule interface {
	Sort(path []byte, executable bool) Sort
}

// Found is what a request target leads to.
type Found uint8

const (
	// FoundNothing: there is no such file, or a path that names none.
	FoundNothing Found = iota
	// FoundFile is a plain file, or a directory whose index is one.
	FoundFile
	// FoundScript is a script: Location has its parts.
	FoundScript
	// FoundSlash is a directory with an index, asked for without the slash.
	FoundSlash
	// FoundDirectory is a directory without an index.
	FoundDirectory
	// FoundHidden is a file that is hidden, or a path that goes on behind a file
	// that is no script: /a.jpg/x.php.
	FoundHidden
	// FoundMalformed is a target that cannot be decoded.
	FoundMalformed
	// FoundForbidden is a file that this process may not look at.
	FoundForbidden
	// FoundBusy: the system could not look.
	FoundBusy
)

// Location is the memory of Locate, and what it has found. The slices are valid
// until the next Locate.
type Location struct {
	target target
	buf    []byte
	// Script is the path of the script, decoded, with a slash at its beginning,
	// and Info what follows it: nothing, or a slash and more.
	Script, Info []byte
}

// Locate finds out what a request target, as it was received, leads to: a plain
// file, a script, a directory, nothing. index are the names that are tried for
// directories, in this order. A script is a beginning of the path that is a file,
// at the end of a segment; what follows is Info. Nothing outside of the root is
// found, whatever the path or links say, and no script where there is none.
//
// It looks once for each directory of a path that goes on behind a file, mostly
// once in all, and not at all if the same was asked for less than 10 ms ago.
func (f *Files) Locate(l *Location, uri []byte, index []string, rule Rule) Found {
	l.Script, l.Info = nil, nil
	switch err := l.target.parse(uri, f.dotfiles); err {
	case nil:
	case errMalformed:
		return FoundMalformed
	default:
		return FoundNothing
	}
	if !f.acquire() {
		return FoundBusy
	}
	defer f.release()
	now := time.Now()
	t := &l.target
	l.buf = append(append(l.buf[:0], '/'), t.path...)
	end := len(l.buf)
	if end == 1 {
		return f.locateIndex(l, end, index, rule, now)
	}
	if t.dir {
		l.buf = append(l.buf, '/')
	}
	in, err := f.lookAt(l, end, now)
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return f.locatePrefix(l, rule, now)
	case err != nil:
		return foundError(err)
	case in.dir:
		return f.locateIndex(l, end, index, rule, now)
	}
	return l.sorted(&in, end, rule)
}

// lookAt looks at what the first end octets of the path lead to.
func (f *Files) lookAt(l *Location, end int, now time.Time) (info, error) {
	if end == len(l.buf) {
		l.buf = append(l.buf, 0)
		defer func() { l.buf = l.buf[:end] }()
	} else {
		old := l.buf[end]
		l.buf[end] = 0
		defer func() { l.buf[end] = old }()
	}
	return f.look(l.buf[1:end+1], now)
}

// sorted is what a file, which is no directory, is found to be: the first end
// octets of the path are its own.
func (l *Location) sorted(in *info, end int, rule Rule) Found {
	if !in.regular {
		return FoundNothing // a FIFO, a device, a socket
	}
	switch rule.Sort(l.buf[:end:end], in.executable()) {
	case Script:
		l.Script, l.Info = l.buf[:end:end], l.buf[end:]
		return FoundScript
	case Plain:
		if end == len(l.buf) {
			return FoundFile
		}
	}
	return FoundHidden
}

// locatePrefix finds the file that a path goes on behind.
func (f *Files) locatePrefix(l *Location, rule Rule, now time.Time) Found {
	for end := 1; end < len(l.buf); end++ {
		if l.buf[end] != '/' {
			continue
		}
		in, err := f.lookAt(l, end, now)
		switch {
		case err != nil:
			return foundError(err)
		case !in.dir:
			return l.sorted(&in, end, rule)
		}
	}
	return FoundNothing // it has changed in between
}

// locateIndex finds the index of the directory whose path is the first end octets.
func (f *Files) locateIndex(l *Location, end int, index []string, rule Rule, now time.Time) Found {
	l.buf = l.buf[:end]
	if end > 1 {
		l.buf = append(l.buf, '/')
	}
	dir := len(l.buf)
	for _, name := range index {
		l.buf = append(l.buf[:dir], name...)
		in, err := f.lookAt(l, len(l.buf), now)
		if err == nil && in.regular {
			if !l.target.dir {
				return FoundSlash
			}
			return l.sorted(&in, len(l.buf), rule)
		}
		if found := foundError(err); err != nil && found != FoundNothing {
			return found
		}
	}
	return FoundDirectory
}

// foundError is what is found of a path that cannot be looked at.
func foundError(err error) Found {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return FoundForbidden
	case err == errBusy, err != nil && (exhausted(err) || broken(err)):
		return FoundBusy
	}
	return FoundNothing // as for Serve, whatever else the reason is
}

// maxLooks is how many octets may be remembered of what was looked at.
const maxLooks = 1 << 20

// look finds out what name, which ends with NUL, leads to, which is inside of the
// tree. As with the entries of files that are served, what was found is confirmed
// by a stat, and the way to it is gone again after a second.
func (f *Files) look(name []byte, now time.Time) (info, error) {
	alias := unsafe.String(&name[0], len(name)) // which the tree does not keep
	if f.looks == nil {
		return f.tree.inspect(alias)
	}
	path := name[:len(name)-1]
	hash := maphash.Bytes(f.looks.seed, path)
	nanos := now.UnixNano()
	if e := f.looks.get(hash, path); e != nil {
		if age := nanos - e.resolved.Load(); age >= 0 && age < int64(believe) {
			if age := nanos - e.confirmed.Load(); age >= 0 && age < int64(f.trust) {
				return e.info, nil
			}
			if in, err := f.tree.stat(e.name); err == nil && in.sameKind(&e.info) {
				e.confirmed.Store(nanos)
				return e.info, nil
			}
		}
		f.looks.drop(e)
	}
	in, err := f.tree.inspect(alias)
	if err != nil {
		return info{}, err
	}
	e := &entry{name: string(name), hash: hash, info: in}
	e.cost = overhead + int64(len(e.name))
	e.resolved.Store(nanos)
	e.confirmed.Store(nanos)
	f.looks.put(e)
	return e.info, nil
}

// sameKind tells whether i and j are of the same file, be it in another version.
func (i *info) sameKind(j *info) bool {
	if i.regular != j.regular || i.dir != j.dir || i.executable() != j.executable() || i.dev != j.dev || i.ino != j.ino {
		return false
	}
	return i.portable == nil && j.portable == nil || os.SameFile(i.portable, j.portable)
}
