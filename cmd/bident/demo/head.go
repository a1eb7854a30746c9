package demo

import (
	"bytes"
	"strconv"

	"github.com/valyala/fasthttp"
)

// status answers with a status of the client's choice. Those below 200 do not
// end an exchange, so they cannot be chosen.
func status(ctx *fasthttp.RequestCtx) {
	c, ok := number(ctx, "c", fasthttp.StatusNotFound, 200, 599)
	if !ok {
		return
	}
	ctx.SetStatusCode(c)
	if c == fasthttp.StatusNoContent || c == fasthttp.StatusNotModified {
		ctx.Response.Header.SetNoDefaultContentType(true)
		ctx.Response.Header.SetContentType("")
		return
	}
	answer(ctx, "status", int64(c))
}

// redirect sends a Location exactly as it was given. RequestCtx.Redirect would
// make it absolute, which RFC 9110, section 10.2.2, has not asked for since 2014.
func redirect(ctx *fasthttp.RequestCtx) {
	to, ok := field(ctx, "to")
	if !ok {
		return
	}
	c, ok := number(ctx, "c", fasthttp.StatusFound, 300, 399)
	if !ok {
		return
	}
	ctx.SetStatusCode(c)
	ctx.Response.Header.SetBytesV(fasthttp.HeaderLocation, to)
	ctx.Response.SetBodyString("redirect\n")
}

// headers answers with many header fields.
func headers(ctx *fasthttp.RequestCtx) {
	n, ok := required(ctx, "n", 0, maxHeaders)
	if !ok {
		return
	}
	size, ok := number(ctx, "sz", 0, 0, maxHeader)
	if !ok {
		return
	}
	if n*size > maxHead {
		refuse(ctx, "n, sz: %d times %d octets are more than %d", n, size, maxHead)
		return
	}
	value := bytes.Repeat([]byte("h"), size)
	name := []byte("X-H-")
	for i := range n {
		ctx.Response.Header.AddBytesKV(strconv.AppendInt(name, int64(i), 10), value)
	}
	ctx.Response.SetBodyString("headers\n")
}

// cookies sets two cookies, in two fields that cannot be joined (RFC 6265,
// section 3).
func cookies(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Add(fasthttp.HeaderSetCookie, "a=1")
	ctx.Response.Header.Add(fasthttp.HeaderSetCookie, "b=2")
	ctx.Response.SetBodyString("cookies\n")
}

// authorize is the authorizer of FastCGI 1.0, section 6.3: it lets in all but those who
// deny it, and makes them alice. The name of the variable is kept as it is, which
// fasthttp would change.
func authorize(ctx *fasthttp.RequestCtx) {
	if len(ctx.Request.Header.Peek("X-Deny")) > 0 {
		ctx.SetStatusCode(fasthttp.StatusForbidden)
		ctx.Response.SetBodyString("denied\n")
		return
	}
	ctx.Response.Header.SetCanonical([]byte("Variable-HO_USER"), []byte("alice"))
}

// sendfile asks the web server in front for a file, by a field such as
// X-Accel-Redirect (nginx) or X-Sendfile (Apache).
func sendfile(ctx *fasthttp.RequestCtx) {
	path, ok := field(ctx, "path")
	if !ok {
		return
	}
	name := ctx.QueryArgs().Peek("h")
	if name == nil {
		name = []byte("X-Accel-Redirect")
	}
	if !extension(name) {
		refuse(ctx, "h: %.40q is not the name of a header field that begins with X-", name)
		return
	}
	ctx.Response.Header.SetBytesKV(name, path)
	ctx.Response.Header.SetContentLength(0) // fasthttp leaves it out after HEAD
}

// extension reports whether name is "X-" and some letters, digits and "-". No
// other field is the client's to choose: Content-Length or Connection would
// break the answer's framing.
func extension(name []byte) bool {
	if len(name) < 3 || name[0]|0x20 != 'x' || name[1] != '-' {
		return false
	}
	for _, c := range name {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', c == '-':
		default:
			return false
		}
	}
	return true
}
