package files

import (
	"hash/maphash"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// maxSmall is the size up to which the content of a file is remembered, if the
// budget is large enough for eight of them. Above, the pages of the kernel are
// as good: see the package's documentation for the numbers.
const maxSmall = 128 << 10

// overhead is what an entry costs beside its name and content, about.
const overhead = 512

// entry is what is remembered of one file in one version. All but the atomics is
// fixed once it is made.
type entry struct {
	name string // ends with NUL
	hash uint64
	info info
	// data is the content; nil for files that are not small.
	data []byte

	mediaType    []byte
	compressible bool
	etag         []byte
	// codedTag is the tag if the file is served for the one that it lies beside.
	codedTag     []byte
	lastModified []byte

	used  atomic.Bool
	place int   // in the cache, guarded by its lock
	cost  int64 // guarded by the lock of the cache

	// resolved is when the way to the file was last gone, in nanoseconds, and
	// confirmed when the file was last found to be the same.
	resolved, confirmed atomic.Int64
	// looked is when variants were last looked for, in nanoseconds, and beside
	// what was found: bit i for coding i.
	looked atomic.Int64
	beside atomic.Uint32

	// packs are the forms that were compressed here.
	packs   [codings]atomic.Pointer[pack]
	packing sync.Mutex
}

// pack is a file's compressed form; data is nil if that did not pay.
type pack struct {
	data []byte
	etag []byte
}

func (e *entry) path() string { return e.name[:len(e.name)-1] }

// find gives the entry of name, which ends with NUL. If it had to be made for a
// file that is not small, o is that file, open.
func (f *Files) find(name []byte, now time.Time) (e *entry, o opened, err error) {
	path := name[:len(name)-1]
	if f.cache == nil {
		return f.make(string(name), 0, now)
	}
	hash := maphash.Bytes(f.cache.seed, path)
	if e = f.cache.get(hash, path); e != nil {
		nanos := now.UnixNano()
		if age := nanos - e.resolved.Load(); age >= 0 && age < int64(believe) {
			if age := nanos - e.confirmed.Load(); age >= 0 && age < int64(f.trust) {
				return e, opened{}, nil
			}
			if in, err := f.tree.stat(e.name); err == nil && in.same(&e.info) {
				e.confirmed.Store(nanos)
				return e, opened{}, nil
			}
		} else if o, err := f.tree.open(e.name); err == nil {
			// A stat tells that it is the same file, not that the way to it is still
			// one that may be gone.
			if o.info.same(&e.info) {
				e.resolved.Store(nanos)
				e.confirmed.Store(nanos)
				if e.data != nil {
					o.close()
				}
				return e, o, nil
			}
			o.close()
		}
		f.cache.drop(e)
	}
	return f.make(string(name), hash, now)
}

// attempts bounds how often a file is looked at that keeps changing.
const attempts = 8

// make opens a file and makes its entry. It fails with errRefused for what is
// neither a regular file nor a directory, and with errDirectory for one.
func (f *Files) make(name string, hash uint64, now time.Time) (*entry, opened, error) {
	for range attempts {
		o, err := f.judged(name)
		if err != nil {
			return nil, opened{}, err
		}
		if !o.info.regular || o.info.size < 0 {
			dir := o.info.dir
			o.close()
			if dir {
				return nil, opened{}, errDirectory
			}
			return nil, opened{}, errRefused
		}
		if !f.user.mayRead(&o.info) {
			o.close()
			return nil, opened{}, fs.ErrPermission
		}
		e := &entry{name: name, hash: hash, info: o.info}
		if o.info.size <= f.small {
			e.data, err = o.readAll()
			o.close()
			if err == errChanged {
				continue
			}
			if err != nil {
				return nil, opened{}, err
			}
		}
		f.describe(e)
		e.resolved.Store(now.UnixNano())
		if f.cache != nil && e.info.settled(now, f.settle) {
			f.cache.put(e)
		}
		return e, o, nil
	}
	return nil, opened{}, errBusy
}

// judged opens a file, unless links lead to it that may not.
func (f *Files) judged(name string) (opened, error) {
	if f.linked == nil {
		return f.tree.open(name)
	}
	o, own, err := f.tree.trace(name)
	if err == nil && own != "" && !o.info.dir && !f.linked([]byte(own), o.info.executable()) {
		o.close()
		err = errRefused
	}
	return o, err
}

// describe fills in what follows from name and info.
func (f *Files) describe(e *entry) {
	t := mediaType(e.path(), f.types)
	e.mediaType = []byte(t)
	e.compressible = !f.noCompress && compressible(t) && e.info.size >= minPacked && e.info.size <= maxPacked
	e.etag = appendTag(nil, &e.info, "")
	for c := range codings {
		if strings.HasSuffix(e.path(), suffixes[c]) {
			e.codedTag = appendTag(nil, &e.info, names[c])
		}
	}
	e.lastModified = fasthttp.AppendHTTPDate(nil, time.Unix(0, e.info.modified))
	e.cost = overhead + int64(len(e.name)+len(e.data))
}

// appendTag appends the strong entity tag (RFC 9110 section 8.8.3) of a version
// of a file, in a coding.
func appendTag(dst []byte, in *info, coding string) []byte {
	dst = append(dst, '"')
	dst = strconv.AppendInt(dst, in.modified, 36)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, in.size, 36)
	if coding != "" {
		dst = append(dst, '-')
		dst = append(dst, coding...)
	}
	return append(dst, '"')
}

// ensure opens the file of e, unless o is it already. It fails with errChanged if
// there is another version by now.
func (f *Files) ensure(e *entry, o *opened) error {
	if o.open {
		return nil
	}
	now, err := f.tree.open(e.name)
	if err != nil {
		e.confirmed.Store(0)
		return errChanged // it was there: the next look tells what is now
	}
	if !now.info.same(&e.info) {
		now.close()
		e.confirmed.Store(0)
		return errChanged
	}
	*o = now
	return nil
}

// believe is how long it is believed that no variant has appeared, and that no part of a
// path has become a link.
const believe = time.Second

// trust is how long it is believed that a file is the same as a moment ago. What is
// asked for thousands of times a second is then looked at a hundred times.
const trust = 10 * time.Millisecond

// variants is a set of the codings for which there is a file beside e, which is to be confirmed
// when it is used: bit i for coding i.
func (f *Files) variants(e *entry, scratch *[]byte, now time.Time) uint32 {
	if f.noPrecompressed {
		return 0
	}
	looked := e.looked.Load()
	if age := now.UnixNano() - looked; age >= 0 && age < int64(believe) {
		return e.beside.Load()
	}
	var found uint32
	for c := range codings {
		*scratch = append(append((*scratch)[:0], e.path()...), suffixes[c]...)
		*scratch = append(*scratch, 0)
		if in, err := f.tree.stat(string(*scratch)); err == nil && f.usable(e, &in) {
			found |= 1 << c
		}
	}
	e.beside.Store(found)
	e.looked.Store(now.UnixNano())
	return found
}

// usable tells whether in can be a compressed form of e: not older, and not
// empty, as no compressed form is.
func (f *Files) usable(e *entry, in *info) bool {
	return in.regular && in.size > 0 && in.modified >= e.info.modified
}

// pack is the form of e in a coding, which is compressed if it is wanted for the
// first time; others who want it wait. o is the file of e, if it is open.
func (f *Files) pack(e *entry, c int, o *opened) (*pack, error) {
	if p := e.packs[c].Load(); p != nil {
		return p, nil
	}
	e.packing.Lock()
	defer e.packing.Unlock()
	if p := e.packs[c].Load(); p != nil {
		return p, nil
	}
	data := e.data
	if data == nil {
		if err := f.ensure(e, o); err != nil {
			return nil, err
		}
		var err error
		if data, err = o.readAll(); err != nil {
			return nil, err
		}
	}
	p := &pack{}
	if packed := compress(c, data); len(packed) > 0 && len(packed) < len(data) {
		p.data = append(make([]byte, 0, len(packed)), packed...)
		p.etag = appendTag([]byte("W/"), &e.info, names[c])
	}
	e.packs[c].Store(p)
	if f.cache != nil {
		f.cache.grow(e, int64(len(p.data)+len(p.etag)))
	}
	return p, nil
}
