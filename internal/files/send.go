package files

import (
	"errors"
	"time"

	"github.com/valyala/fasthttp"
)

// ErrNoFile is a file that cannot be sent: it is not there, not below the root,
// not a regular one, or not to be read.
var ErrNoFile = errors.New("files: no such file")

// Send answers with the file that uri names, the path of a URL below the root, in
// whatever method the request was made: as an answer to GET, or to HEAD. Ranges
// and conditions of the request are heeded. There is no index for directories.
// Nothing is answered if it fails; the error wraps ErrNoFile.
func (f *Files) Send(ctx *fasthttp.RequestCtx, uri []byte) error {
	if !f.acquire() {
		return ErrNoFile
	}
	defer f.release()
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	err := s.target.parse(uri, f.dotfiles)
	if err == nil && s.target.dir {
		err = errDirectory
	}
	if err == nil {
		now := time.Now()
		for range attempts {
			if err = f.serve(ctx, s, now); err != errChanged {
				break
			}
		}
	}
	if err != nil {
		return errors.Join(ErrNoFile, err)
	}
	return nil
}

// Redirect answers with the path of the target that was located, with a slash at
// its end, and the query: for FoundSlash. A method that carries a body is kept.
func (l *Location) Redirect(ctx *fasthttp.RequestCtx) {
	status := fasthttp.StatusMovedPermanently
	if !ctx.IsGet() && !ctx.IsHead() {
		status = fasthttp.StatusPermanentRedirect
	}
	fail(ctx, status)
	ctx.Response.Header.SetCanonical(fieldLocation, l.target.location(nil))
}

// Fail answers for a Found that leads to neither a file nor a script.
func (found Found) Fail(ctx *fasthttp.RequestCtx) {
	switch found {
	case FoundMalformed:
		fail(ctx, fasthttp.StatusBadRequest)
	case FoundForbidden, FoundDirectory:
		fail(ctx, fasthttp.StatusForbidden)
	case FoundBusy:
		fail(ctx, fasthttp.StatusServiceUnavailable)
	default:
		fail(ctx, fasthttp.StatusNotFound)
	}
}

// AppendURI appends the URI of a decoded path.
func AppendURI(dst []byte, path []byte) []byte { return escape(dst, path, "!$&'()*+,;=:@/") }

// Known tells whether the media type of files with an extension, in lower case and
// with its dot, is one of the built-in table.
func Known(ext string) bool { return media[ext] != "" }
