package nethttp

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"
)

// call is everything that one request needs, in one piece of memory. Handlers can
// keep parts of it, so that it is never used again.
type call struct {
	request http.Request
	url     url.URL
	context requestContext
	body    body
	writer  writer
}

// unbound is what a request is made from: only its WithContext can set a context.
var unbound http.Request

// newCall makes the call for the request in ctx.
func newCall(ctx *fasthttp.RequestCtx, ex Exchange) (*call, error) {
	c := new(call)
	var h head
	if err := h.parse(&ctx.Request.Header); err != nil {
		return nil, err
	}
	u := &c.url
	if !parsePath(u, h.target) {
		var err error
		if u, err = parseTarget(h.method, h.target); err != nil {
			return nil, err
		}
	}
	remote := ex.RemoteAddr()
	if remote == "" {
		remote = ctx.RemoteAddr().String()
	}
	c.context.ex, c.context.base, c.context.local = ex, ex.Base(), ctx.LocalAddr()

	r := &c.request
	*r = *unbound.WithContext(&c.context)
	r.Method, r.URL, r.RequestURI = h.method, u, h.target
	r.Proto, r.ProtoMajor, r.ProtoMinor = h.proto, h.major, h.minor
	r.Header, r.Trailer, r.RemoteAddr = h.fields, h.trailer, remote
	r.Close = h.close()
	if r.Host = u.Host; r.Host == "" {
		r.Host = h.host
	}
	if h.chunked {
		r.TransferEncoding = []string{"chunked"}
	}
	if state := ctx.TLSConnectionState(); state != nil && state.Version != 0 {
		r.TLS = state
	}
	r.Body = http.NoBody
	if r.ContentLength = h.length; h.length != 0 {
		b := &c.body
		b.expect, b.length = h.expect, h.length
		b.open(ctx, ex, r)
		r.Body = b
	}

	w := &c.writer
	w.ctx, w.ex, w.asked, w.body = ctx, ex, ex, &c.body
	w.length = -1
	w.head = r.Method == http.MethodHead
	w.http11 = r.ProtoAtLeast(1, 1)
	w.closing = r.Close
	return c, nil
}

// over lets go of the front and of ctx, also after a panic.
func (c *call) over() {
	c.writer.over()
	c.body.over()
	c.context.over()
	if f := c.request.MultipartForm; f != nil {
		// What it spooled to disk; there is nobody left who could use an error.
		_ = f.RemoveAll()
	}
}

// close reports whether the connection ends with this request (RFC 9112, section
// 9.3).
func (h *head) close() bool {
	if h.major < 1 {
		return true
	}
	connection := h.fields["Connection"]
	if hasToken(connection, "close") {
		return true
	}
	return h.major == 1 && h.minor == 0 && !hasToken(connection, "keep-alive")
}

// hasToken reports whether one of the elements of a list-valued field (RFC 9110,
// section 5.6.1) is token, in any case.
func hasToken(values []string, token string) bool {
	for _, v := range values {
		for v != "" {
			var element string
			element, v, _ = strings.Cut(v, ",")
			if strings.EqualFold(trim(element), token) {
				return true
			}
		}
	}
	return false
}
