package httpd

import (
	"bytes"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/internal/gate"
)

// FuzzRequestHead: whatever a web server sends as FCGI_PARAMS, a head that is accepted
// has the method, the target and the fields that the parameters say, and no others.
func FuzzRequestHead(f *testing.F) {
	pairs := func(list ...string) (b []byte) {
		for i := 0; i < len(list); i += 2 {
			b = fcgi.AppendParam(b, list[i], list[i+1])
		}
		return b
	}
	f.Add(pairs("REQUEST_METHOD", "GET", "REQUEST_URI", "/x?y", "HTTP_HOST", "h", "HTTP_A_B", "c", "CONTENT_LENGTH", "3"), true)
	f.Add(pairs("REQUEST_METHOD", "POST", "PATH_INFO", "/a b%\n", "QUERY_STRING", "q", "SERVER_NAME", "n", "SERVER_PORT", "81"), false)
	f.Add(pairs("REQUEST_METHOD", "GET", "REQUEST_URI", "/ HTTP/1.1\r\nEvil: x", "HTTP_X", "a\r\nEvil: y"), true)
	f.Add(pairs("REQUEST_METHOD", "GET", "HTTP_X: a\r\nEvil", "b", "HTTP_HOST", "", "HTTP_X", "1", "HTTP_X", "2"), true)
	f.Add(pairs("REQUEST_METHOD", "OPTIONS", "REQUEST_URI", "*", "SERVER_PROTOCOL", "HTTP/1.0", "CONTENT_TYPE", "t", "HTTP_CONTENT_TYPE", "u"), true)
	f.Fuzz(func(t *testing.T, block []byte, responder bool) {
		var params fcgi.Params
		if _, err := params.Write(block); err != nil || params.Finish() != nil {
			return
		}
		role := fcgi.RoleResponder
		if !responder {
			role = fcgi.RoleAuthorizer
		}
		text, length, ok := appendRequestHead(nil, &params, role)
		if !ok {
			return
		}
		var head gate.Head
		done, bad := head.Parse(text, len(text)+2)
		if bad != nil {
			return
		}
		if !done || head.Size != len(text) {
			t.Fatalf("%q: the head ends at %d of %d", text, head.Size, len(text))
		}
		var ctx fasthttp.RequestCtx
		h := &ctx.Request.Header
		if !newParser().parse(text, h) {
			return // answered 400
		}
		if !bytes.Equal(h.Method(), params.Get("REQUEST_METHOD")) {
			t.Errorf("method %q of %q", h.Method(), params.Get("REQUEST_METHOD"))
		}
		if uri := params.Get("REQUEST_URI"); len(uri) > 0 && !bytes.Equal(h.RequestURI(), uri) {
			t.Errorf("target %q of %q", h.RequestURI(), uri)
		}
		if head.Length > 0 && head.Length != length || !responder && length != 0 || head.Length < 0 {
			t.Errorf("length %d, announced %d", head.Length, length)
		}
		// Every line but those of the server's own is one parameter's.
		lines := bytes.Count(text, []byte("\r\n")) - 2
		fields := 0
		for i := range params.Len() {
			name, value := params.At(i)
			if rest, ok := bytes.CutPrefix(name, []byte("HTTP_")); ok && !params.Repeated(i) && !ofConnection(rest) {
				fields++
				line := append(appendFieldName([]byte("\r\n"), rest), ": "...)
				line = append(append(line, value...), "\r\n"...)
				if !bytes.Contains(text, line) && string(rest) != "HOST" && string(rest) != "CONTENT_TYPE" {
					t.Errorf("%q is not in %q", line, text)
				}
			}
		}
		if lines > fields+3 { // Host, Content-Length, Content-Type
			t.Errorf("%d lines of %d fields: %q", lines, fields, text)
		}
	})
}
