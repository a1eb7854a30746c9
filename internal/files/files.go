package files

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// Files serves the files below one directory. It is safe for concurrent use.
type Files struct {
	tree  tree
	cache *cache // nil: nothing is remembered
	looks *cache // what Locate has looked at; nil likewise

	index           []string
	types           map[string]string
	cacheControl    []byte
	dotfiles        bool
	noCompress      bool
	noPrecompressed bool
	user            *User // nil: this process's rights are enough
	linked          func(path []byte, executable bool) bool
	// settle is how long a file has to be left alone to be remembered.
	settle time.Duration
	// trust is how long a file is not looked at again.
	trust time.Duration
	// small is the size up to which files are read into memory.
	small int64

	// users are the requests in hand, and the owner until Close: the last one
	// closes the tree. A descriptor that is closed while it is used may be another directory
	// in the next moment.
	users  atomic.Int64
	closed atomic.Bool
}

// New opens the root of c. The error tells every problem of c at once; one with
// the directory wraps that of the system, so that errors.Is finds fs.ErrNotExist.
func New(c Config) (*Files, error) {
	err := c.Validate()
	if c.Root == "" || strings.ContainsRune(c.Root, 0) {
		return nil, err
	}
	t, openErr := newTree(c.Root, c.Symlinks)
	if openErr != nil {
		return nil, errors.Join(err, fmt.Errorf("files: Root: %w", openErr))
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return newFiles(c, t), nil
}

// newFiles serves t as c says.
func newFiles(c Config, t tree) *Files {
	f := &Files{
		tree: t, index: append([]string(nil), c.Index...), types: map[string]string{},
		dotfiles: c.Dotfiles, noCompress: c.NoCompress, noPrecompressed: c.NoPrecompressed, user: c.For, linked: c.Linked,
		settle: settle, trust: trust, small: 16 << 10,
	}
	if len(f.index) == 0 {
		f.index = []string{"index.html"}
	}
	if c.CacheControl != "" {
		f.cacheControl = []byte(c.CacheControl)
	}
	for ext, t := range c.Types {
		f.types[strings.ToLower(ext)] = t
	}
	size := c.CacheSize
	if size == 0 {
		size = defaultCacheSize
	}
	if size > 0 {
		f.cache = newCache(size)
		f.looks = newCache(maxLooks)
		f.small = min(maxSmall, size/8)
	}
	f.users.Store(1)
	return f
}

// Close gives the directory up, when the last request in hand has been answered;
// later ones are answered 503. Bodies that are still to be sent are not affected.
// The error is that of closing the directory, if it is closed here; a second call
// does nothing.
func (f *Files) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	return f.release()
}

// acquire keeps the tree open until release. It is false after Close.
func (f *Files) acquire() bool {
	for {
		n := f.users.Load()
		if n == 0 || f.closed.Load() {
			return false
		}
		if f.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (f *Files) release() error {
	if f.users.Add(-1) == 0 {
		return f.tree.close()
	}
	return nil
}

var (
	// errDirectory is a path without a slash at its end that leads to a directory.
	errDirectory = errors.New("is a directory")
	// errNoIndex is a directory without an index: there are no listings.
	errNoIndex = errors.New("directory without an index")
	// errNotAcceptable is a client that refuses all forms that there are.
	errNotAcceptable = errors.New("no acceptable coding")
	// errTooLarge is a file whose length is no int.
	errTooLarge = errors.New("file too large for this system")
)

// scratch is the memory of one request, used again by the next.
type scratch struct {
	target target
	name   []byte // of the file, with NUL
	value  []byte // of a field
	spans  []span
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

const allow = "GET, HEAD, OPTIONS"

// Serve answers one request: GET and HEAD with the file that the request target
// names, OPTIONS with 204, other methods with 405. The answer is complete, or its
// body is a stream: *Body, or for several ranges of a large file another reader.
func (f *Files) Serve(ctx *fasthttp.RequestCtx) {
	h := &ctx.Request.Header
	if !ctx.IsGet() && !ctx.IsHead() {
		if string(h.Method()) == fasthttp.MethodOptions {
			ctx.Response.SetStatusCode(fasthttp.StatusNoContent)
		} else {
			fail(ctx, fasthttp.StatusMethodNotAllowed)
		}
		ctx.Response.Header.Set(fasthttp.HeaderAllow, allow)
		return
	}
	if !f.acquire() {
		fail(ctx, fasthttp.StatusServiceUnavailable)
		return
	}
	defer f.release()
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)

	err := s.target.parse(h.RequestURI(), f.dotfiles)
	if err == nil {
		now := time.Now()
		for range attempts {
			if err = f.serve(ctx, s, now); err != errChanged {
				break
			}
		}
	}
	switch {
	case err == nil:
	case err == errDirectory:
		s.value = s.target.location(s.value[:0])
		fail(ctx, fasthttp.StatusMovedPermanently)
		ctx.Response.Header.SetCanonical(fieldLocation, s.value)
	case err == errNotAcceptable:
		fail(ctx, fasthttp.StatusNotAcceptable)
		ctx.Response.Header.SetCanonical(fieldVary, acceptEncodingName)
	default:
		fail(ctx, statusOf(err))
	}
}

// statusOf is the answer to a file that cannot be served.
func statusOf(err error) int {
	switch {
	case err == errMalformed:
		return fasthttp.StatusBadRequest
	case err == errNoIndex, errors.Is(err, fs.ErrPermission):
		return fasthttp.StatusForbidden
	case err == errChanged, err == errBusy, exhausted(err):
		return fasthttp.StatusServiceUnavailable
	case broken(err), err == errTooLarge:
		return fasthttp.StatusInternalServerError
	}
	// Whatever else keeps a path from leading to a file (no such name, a name too
	// long, a link out of the root or to itself, a socket): there is none.
	return fasthttp.StatusNotFound
}

// fail answers with a status and a line that names it.
func fail(ctx *fasthttp.RequestCtx, status int) {
	resp := &ctx.Response
	resp.ResetBody()
	resp.SetStatusCode(status)
	resp.Header.SetContentType("text/plain; charset=utf-8")
	resp.AppendBodyString(fasthttp.StatusMessage(status))
	resp.AppendBodyString("\n")
}

// lookup gives the entry of the target, or of its index.
func (f *Files) lookup(s *scratch, now time.Time) (*entry, opened, error) {
	if !s.target.dir {
		s.name = append(append(s.name[:0], s.target.path...), 0)
		return f.find(s.name, now)
	}
	for _, index := range f.index {
		s.name = append(s.name[:0], s.target.path...)
		if len(s.name) > 0 {
			s.name = append(s.name, '/')
		}
		s.name = append(append(s.name, index...), 0)
		e, o, err := f.find(s.name, now)
		if err == nil {
			return e, o, nil
		}
		if status := statusOf(err); err != errDirectory && status != fasthttp.StatusNotFound {
			return nil, opened{}, err
		}
	}
	name := "."
	if len(s.target.path) > 0 {
		name = string(s.target.path)
	}
	o, err := f.tree.open(name + "\x00")
	if err != nil {
		return nil, opened{}, err
	}
	dir := o.info.dir
	o.close()
	if dir {
		return nil, opened{}, errNoIndex
	}
	return nil, opened{}, errRefused
}
