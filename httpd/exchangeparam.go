package httpd

import (
	"bytes"
	"io"
	"net"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// The parameters that a child of this program gets instead of the CGI variables.
// Their names cannot be those of variables, which have no lower case.
const (
	paramHead    = "bident-head"    // the head of the request, octet for octet
	paramRemote  = "bident-remote"  // the client's address
	paramLocal   = "bident-local"   // the address it connected to
	paramServed  = "bident-served"  // the number of the request among the worker's
	paramSecure  = "bident-secure"  // it came over TLS
	paramTrailer = "bident-trailer" // the trailer section of the body
	paramParams  = "bident-params"  // the parameters of a web server, as FCGI_PARAMS
	paramRole    = "bident-role"    // and the role that it asks for
)

// request puts the request together.
func (r *exchangeRunner) request(l *pool.Lane) {
	ctx, c := r.ctx, r.client
	j := r.job.Load()
	role := fcgi.RoleResponder
	if r.child.External() && j.params != nil {
		role = j.role
	}
	c.Begin(role, r.keeps())
	r.param = r.raw
	if r.own = r.answered.mount.own(); r.own != nil {
		r.param = r.others
		for i := range r.own.names {
			r.raw(r.own.names[i], r.own.values[i])
		}
	}
	if r.child.External() && j.params != nil {
		r.passOn(j.params)
	} else if r.child.External() {
		r.vars.visit(ctx, &r.answered.mount, r.param)
	} else {
		h := &ctx.Request.Header
		b := append(r.text[:0], h.Method()...)
		b = append(b, ' ')
		b = append(b, h.RequestURI()...)
		b = append(b, ' ')
		b = append(b, h.Protocol()...)
		b = append(b, "\r\n"...)
		b = append(b, h.RawHeaders()...)
		if len(h.RawHeaders()) == 0 {
			b = append(b, "\r\n"...)
		}
		c.ParamBytes(paramHead, b)
		b = appendAddr(b[:0], ctx.RemoteAddr())
		c.ParamBytes(paramRemote, b)
		b = appendAddr(b[:0], ctx.LocalAddr())
		c.ParamBytes(paramLocal, b)
		b = fasthttp.AppendUint(b[:0], int(l.Served()))
		c.ParamBytes(paramServed, b)
		if *isTLSField.of(&ctx.Request) {
			c.ParamBytes(paramSecure, valueOn)
		}
		if j.params != nil {
			b = b[:0]
			for name, value := range j.params.All() {
				b = fcgi.AppendParamRaw(b, name, value)
			}
			c.ParamBytes(paramParams, b)
			c.ParamBytes(paramRole, fasthttp.AppendUint(b[:0], int(j.role)))
		}
		if t := j.trailer; len(t) > 0 {
			c.ParamBytes(paramTrailer, t)
		}
		r.text = b
	}
	if j := r.answered; j.file != nil {
		// Not from where the file is mapped, which would bring all of it into memory.
		c.BodyReader(io.NewSectionReader(j.file, 0, j.size), j.size, nil)
		return
	}
	c.Body(ctx.Request.Body())
}

// other gives a program a parameter, unless it has its own of that name.
func (r *exchangeRunner) other(name, value []byte) {
	if r.own.find(name) < 0 {
		r.raw(name, value)
	}
}

// passOn gives a program what its web server has sent, but for what depends on the
// exchange itself, what Scripts have settled, and HTTP_PROXY, which would change where
// the program connects to. Programs that fold names find them in any spelling.
func (r *exchangeRunner) passOn(params *fcgi.Params) {
	m := &r.answered.mount
	ours := m.settled()
	for name, value := range params.All() {
		if bytes.IndexByte(name, 0) >= 0 {
			continue // PHP takes it for what is in front of that
		}
		var b [foldedName]byte
		switch string(foldName(&b, name)) {
		case "CONTENT_LENGTH", "HTTP_PROXY", "HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING":
		case "SCRIPT_NAME", "SCRIPT_FILENAME", "PATH_INFO", "PATH_TRANSLATED",
			"ORIG_SCRIPT_NAME", "ORIG_SCRIPT_FILENAME", "ORIG_PATH_INFO", "ORIG_PATH_TRANSLATED":
			if !ours && !m.php.set {
				r.param(name, value)
			}
		case "DOCUMENT_ROOT", "DOCUMENT_URI":
			if !ours {
				r.param(name, value)
			}
		case "REDIRECT_URL":
			if !m.misleads() {
				r.param(name, value)
			}
		default:
			r.param(name, value)
		}
	}
	switch {
	case m.php.set:
		// With REDIRECT_URL PHP would run what the other one names.
		m.php.visit(m.scripts.translated && (m.php.keeps || params.Get("REDIRECT_URL") == nil), r.param)
	case ours:
		r.vars.text = r.vars.text[:0]
		r.vars.script(m, splitTarget(r.ctx.Request.Header.RequestURI()).path, r.param)
	}
	if n := len(r.ctx.Request.Body()); n > 0 || len(params.Get("CONTENT_LENGTH")) > 0 {
		r.text = fasthttp.AppendUint(r.text[:0], n)
		r.param(nameContentLength, r.text)
	}
}

// appendAddr writes an address as "tcp 127.0.0.1:80" or "unix /path".
func appendAddr(dst []byte, a net.Addr) []byte {
	if t, ok := a.(*net.TCPAddr); ok {
		dst = append(dst, "tcp "...)
		return t.AddrPort().AppendTo(dst)
	}
	if a == nil {
		return dst
	}
	dst = append(dst, a.Network()...)
	dst = append(dst, ' ')
	return append(dst, a.String()...)
}
