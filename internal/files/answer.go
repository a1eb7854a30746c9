package files

import (
	"bytes"
	"io"
	"time"

	"github.com/valyala/fasthttp"
)

var (
	fieldAcceptEncoding = []byte(fasthttp.HeaderAcceptEncoding)
	fieldAcceptRanges   = []byte(fasthttp.HeaderAcceptRanges)
	fieldCacheControl   = []byte(fasthttp.HeaderCacheControl)
	fieldContentRange   = []byte(fasthttp.HeaderContentRange)
	fieldETag           = []byte("Etag") // as fasthttp spells it, so that Peek finds it
	fieldLastModified   = []byte(fasthttp.HeaderLastModified)
	fieldLocation       = []byte(fasthttp.HeaderLocation)
	fieldVary           = []byte(fasthttp.HeaderVary)

	acceptEncodingName = []byte(fasthttp.HeaderAcceptEncoding)
	bytesUnit          = []byte("bytes")
)

// representation is what a client gets of a file: one form of it.
type representation struct {
	// file is the entry of the file whose octets are sent, unless data is set.
	file *entry
	data []byte
	size int64

	mediaType    []byte
	etag         []byte
	lastModified []byte
	seconds      int64 // Last-Modified, since 1970
	coding       int
	vary         bool
}

// plain is the identity form of e.
func plain(e *entry) representation {
	return representation{
		file: e, data: e.data, size: e.info.size, mediaType: e.mediaType,
		etag: e.etag, lastModified: e.lastModified, seconds: e.info.modified / 1_000_000_000, coding: identity,
	}
}

// serve answers with the file that s.target names. It fails with errChanged if
// the file is another one by now; nothing of the answer is set then.
func (f *Files) serve(ctx *fasthttp.RequestCtx, s *scratch, now time.Time) error {
	e, o, err := f.lookup(s, now)
	if err != nil {
		return err
	}
	defer o.close()

	h := &ctx.Request.Header
	// Only GET has ranges (RFC 9110 section 14.2); the field is a list of one.
	ranges := h.PeekCanonical(fieldRange)
	if ranges != nil && (!ctx.IsGet() || len(h.PeekAll(fasthttp.HeaderRange)) != 1) {
		ranges = nil
	}
	r, err := f.choose(h, e, &o, s, now, ranges != nil)
	if err != nil {
		return err
	}
	if r.seconds >= now.Unix() && r.file.info.modified > now.UnixNano() {
		// RFC 9110 section 8.8.2.1: a Last-Modified in the future is replaced by Date.
		r.seconds, r.lastModified = now.Unix(), nil
	}

	switch evaluate(h, &r) {
	case failed:
		fail(ctx, fasthttp.StatusPreconditionFailed)
		return nil
	case notModified:
		ctx.Response.ResetBody()
		ctx.Response.SetStatusCode(fasthttp.StatusNotModified)
		f.describeAnswer(&ctx.Response, &r)
		return nil
	}

	heed := whole
	s.spans = s.spans[:0]
	if ranges != nil && r.coding == identity && ifRange(h, &r) {
		s.spans, heed = parseRanges(s.spans, ranges, r.size)
	}
	if heed == unsatisfiable {
		fail(ctx, fasthttp.StatusRequestedRangeNotSatisfiable)
		s.value = appendInt(append(s.value[:0], "bytes */"...), r.size)
		ctx.Response.Header.SetCanonical(fieldContentRange, s.value)
		return nil
	}
	if heed == partial && len(s.spans) > 1 {
		return f.sendParts(ctx, s, &r, &o)
	}
	all := span{0, r.size}
	if heed == partial {
		all = s.spans[0]
	}
	if err := f.send(ctx, &r, &o, all); err != nil {
		return err
	}
	ctx.Response.Header.SetContentTypeBytes(r.mediaType)
	f.describeAnswer(&ctx.Response, &r)
	if heed == partial {
		ctx.Response.SetStatusCode(fasthttp.StatusPartialContent)
		s.value = appendContentRange(s.value[:0], all, r.size)
		ctx.Response.Header.SetCanonical(fieldContentRange, s.value)
	}
	return nil
}

// choose selects the representation of e for the client. o, the file of e if it
// is open, becomes the file of the representation.
func (f *Files) choose(h *fasthttp.RequestHeader, e *entry, o *opened, s *scratch, now time.Time, ranged bool) (representation, error) {
	r := plain(e)
	beside := f.variants(e, &s.name, now)
	r.vary = e.compressible || beside != 0
	if h.PeekCanonical(fieldAcceptEncoding) == nil {
		return r, nil
	}
	w := acceptEncoding(h.PeekAll(fasthttp.HeaderAcceptEncoding))
	if ranged && w[identity] != 0 {
		return r, nil
	}
	if r.vary {
		best, n := w.order()
		for first := 0; first < n; {
			last := first // of those with the same weight
			for last+1 < n && w[best[last+1]] == w[best[first]] {
				last++
			}
			for _, c := range best[first : last+1] {
				if beside&(1<<c) != 0 && f.lying(&r, e, c, o, s, now) {
					return r, nil
				}
			}
			for _, c := range best[first : last+1] {
				if !e.compressible {
					break
				}
				p, err := f.pack(e, c, o)
				if err != nil {
					return r, err
				}
				if p.data != nil {
					r.data, r.size, r.etag, r.coding = p.data, int64(len(p.data)), p.etag, c
					return r, nil
				}
			}
			first = last + 1
		}
	}
	if w[identity] == 0 {
		return r, errNotAcceptable
	}
	return r, nil
}

// lying makes r the form in coding c that lies beside the file e, if that one is
// still there and not older. o is its file then.
func (f *Files) lying(r *representation, e *entry, c int, o *opened, s *scratch, now time.Time) bool {
	s.name = append(append(append(s.name[:0], e.path()...), suffixes[c]...), 0)
	v, file, err := f.find(s.name, now)
	if err != nil {
		return false
	}
	if !f.usable(e, &v.info) {
		file.close()
		return false
	}
	o.close()
	*o = file
	mediaType := r.mediaType
	*r = plain(v)
	r.mediaType, r.etag, r.coding, r.vary = mediaType, v.codedTag, c, true
	return true
}

// describeAnswer sets the fields that 200, 206 and 304 have in common.
func (f *Files) describeAnswer(resp *fasthttp.Response, r *representation) {
	h := &resp.Header
	h.SetCanonical(fieldETag, r.etag)
	if r.lastModified != nil {
		h.SetCanonical(fieldLastModified, r.lastModified)
	} else {
		h.SetLastModified(time.Unix(r.seconds, 0))
	}
	if r.vary {
		h.SetCanonical(fieldVary, acceptEncodingName)
	}
	if f.cacheControl != nil {
		h.SetCanonical(fieldCacheControl, f.cacheControl)
	}
	if resp.StatusCode() == fasthttp.StatusNotModified {
		return
	}
	if r.coding == identity {
		// Coded forms have no ranges.
		h.SetCanonical(fieldAcceptRanges, bytesUnit)
	} else {
		h.SetContentEncoding(names[r.coding])
	}
}

// send makes a part of r the body of the answer. o is the file of r, if it is
// open, and the answer's afterwards.
func (f *Files) send(ctx *fasthttp.RequestCtx, r *representation, o *opened, part span) error {
	resp := &ctx.Response
	if int64(int(part.length)) != part.length {
		return errTooLarge
	}
	switch {
	case ctx.IsHead():
		resp.ResetBody()
		resp.SkipBody = true
		resp.Header.SetContentLength(int(part.length))
	case r.data != nil:
		// What is remembered never changes, so it need not be copied.
		resp.SetBodyRaw(r.data[part.start : part.start+part.length])
	default:
		if err := f.ensure(r.file, o); err != nil {
			return err
		}
		resp.SetBodyStream(&Body{file: o.file(), offset: part.start, n: part.length}, int(part.length))
	}
	return nil
}

// sendParts answers with the spans of s as multipart/byteranges (RFC 9110 section
// 14.6).
func (f *Files) sendParts(ctx *fasthttp.RequestCtx, s *scratch, r *representation, o *opened) error {
	var source io.ReaderAt
	var closer io.Closer
	if r.data != nil {
		source = bytes.NewReader(r.data)
	} else {
		if err := f.ensure(r.file, o); err != nil {
			return err
		}
		file := o.file()
		source, closer = file, file
	}
	m := newMultipart(source, closer, s.spans, r.mediaType, r.size)
	if int64(int(m.left)) != m.left {
		m.Close()
		return errTooLarge
	}
	resp := &ctx.Response
	resp.SetBodyStream(m, int(m.left))
	resp.SetStatusCode(fasthttp.StatusPartialContent)
	f.describeAnswer(resp, r)
	resp.Header.SetContentType("multipart/byteranges; boundary=" + m.boundary)
	return nil
}
