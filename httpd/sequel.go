package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/files"
	"github.com/bident/bident/pool"
)

// sequel is what a program's answer says that the answer shall be instead.
type sequel struct {
	kind   sequelKind
	target string
}

type sequelKind uint8

const (
	sequelNone sequelKind = iota
	sequelPath            // of another request (RFC 3875, section 6.2.2)
	sequelFile            // the name of a file, of X-Sendfile
	sequelURI             // the path of a file, of X-Accel-Redirect
)

// maxSequels bounds the redirects that one request may take inside of the server.
const maxSequels = 10

const (
	fieldSendfile = "X-Sendfile"
	fieldAccel    = "X-Accel-Redirect"
)

var (
	errSendfile = errors.New("httpd: file that a program wants to be sent")
	errLocal    = errors.New("httpd: local redirect of a program")
)

// sequelOf finds what the head of a program's answer asks for, and takes it out of
// the answer.
func sequelOf(head []byte, resp *fasthttp.Response, at *mount) sequel {
	if resp.StatusCode() == fasthttp.StatusFound {
		if target := localRedirect(head); target != nil {
			return sequel{sequelPath, string(target)}
		}
	}
	if at.scripts == nil || at.scripts.tree == nil {
		return sequel{}
	}
	if value := resp.Header.Peek(fieldSendfile); value != nil {
		return takeSequel(resp, sequelFile, value)
	}
	if value := resp.Header.Peek(fieldAccel); value != nil {
		return takeSequel(resp, sequelURI, value)
	}
	return sequel{}
}

func takeSequel(resp *fasthttp.Response, kind sequelKind, value []byte) sequel {
	s := sequel{kind, string(value)}
	resp.Header.Del(fieldSendfile)
	resp.Header.Del(fieldAccel)
	return s
}

// localRedirect is the path that a head redirects to inside of the server, which
// has nothing but that; nil for any other. A fragment is for clients only.
func localRedirect(head []byte) []byte {
	line, rest, _ := bytes.Cut(head, []byte{'\n'})
	name, value, _ := bytes.Cut(bytes.TrimSuffix(line, []byte{'\r'}), []byte{':'})
	value = bytes.Trim(value, " \t")
	if len(rest) > 0 || !equalFold(name, "Location") || len(value) == 0 || value[0] != '/' || bytes.IndexByte(value, '#') >= 0 {
		return nil
	}
	return value
}

// follow gets the answer that a program has asked for, the depth'th for the
// request, from 1. again says that it is another program's: the request is ready for
// a lane of the queue q.
func (f *front) follow(ctx *fasthttp.RequestCtx, j *job, depth int) (q *pool.Queue, again bool) {
	s := j.sequel
	j.sequel = sequel{}
	what := string(ctx.Method()) + " " + string(ctx.RequestURI())
	var err error
	switch {
	case s.kind != sequelPath:
		err = j.mount.scripts.send(ctx, s)
	case depth > maxSequels:
		err = fmt.Errorf("%w: %d of them in a row, the last to %.200q", errLocal, depth, s.target)
	default:
		if err = f.redirect(ctx, s.target); err == nil {
			j.begin(ctx)
			var answered bool
			q, _, answered = f.destine(ctx, j)
			return q, !answered
		}
	}
	if err != nil {
		f.log.Error("answer of a program", "request", what, "slot", j.crew.slot, "pid", j.crew.pid, "error", err)
		badGateway(ctx)
	}
	return nil, false
}

// redirect makes a request the one for another path that a program wants to be
// answered: GET, without a body, and otherwise as the client has sent it.
func (f *front) redirect(ctx *fasthttp.RequestCtx, target string) error {
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f {
			return fmt.Errorf("%w: %.200q is no path", errLocal, target)
		}
	}
	h := &ctx.Request.Header
	method := fasthttp.MethodGet
	if h.IsHead() {
		method = fasthttp.MethodHead
	}
	head := append([]byte(nil), method+" "+target+" "...)
	head = append(append(head, h.Protocol()...), "\r\n"...)
	for name, value := range h.AllInOrder() {
		switch {
		case equalFold(name, "Content-Length"), equalFold(name, "Content-Type"), equalFold(name, "Content-Encoding"),
			equalFold(name, "Transfer-Encoding"), equalFold(name, "Trailer"), equalFold(name, "Expect"):
		default:
			head = append(append(append(append(head, name...), ": "...), value...), "\r\n"...)
		}
	}
	head = append(head, "\r\n"...)
	host := string(h.Host())
	ctx.Request.ResetBody()
	ctx.Response.Reset()
	p := parsers.Get().(*parser)
	defer parsers.Put(p)
	if !p.parse(head, h) {
		return fmt.Errorf("%w: %.200q cannot be asked for", errLocal, target)
	}
	h.SetHost(host) // as the front has it, from whatever it is
	return nil
}

// send answers with a file, and keeps the fields of the program's answer.
func (s *scripts) send(ctx *fasthttp.RequestCtx, q sequel) error {
	resp := &ctx.Response
	status, media := resp.StatusCode(), string(resp.Header.ContentType())
	resp.ResetBody()
	h := &ctx.Request.Header
	if status != fasthttp.StatusOK || !ctx.IsGet() && !ctx.IsHead() {
		// Ranges and conditions are about what GET is answered with; what has been
		// done by another method is done.
		for _, name := range []string{"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
			h.Del(name)
		}
	}
	if len(resp.Header.Peek(fasthttp.HeaderContentEncoding)) > 0 {
		h.Del(fasthttp.HeaderAcceptEncoding) // it is coded already
	}
	tree, uri, err := s.source(q)
	if err == nil {
		err = tree.Send(ctx, uri)
	}
	if err != nil {
		return fmt.Errorf("%w: %.300q: %w", errSendfile, q.target, err)
	}
	sent := resp.StatusCode()
	multipart := bytes.HasPrefix(resp.Header.ContentType(), []byte("multipart/byteranges"))
	if media != "" && !multipart && (sent == fasthttp.StatusOK || sent == fasthttp.StatusPartialContent) {
		resp.Header.SetContentType(media)
	}
	if status != fasthttp.StatusOK && sent == fasthttp.StatusOK {
		resp.SetStatusCode(status)
	}
	return nil
}

var (
	errNotBelow = errors.New("it is not below the root")
	errSource   = errors.New("it is no file that may be sent")
)

// source finds the directory that a file may be sent from, and the file's path there.
func (s *scripts) source(q sequel) (*files.Files, []byte, error) {
	if q.kind == sequelURI {
		return s.checked(s.sources[0], []byte(q.target))
	}
	name := q.target
	for range 2 {
		for _, from := range s.sources {
			if rest, below := strings.CutPrefix(name, from.path); below {
				return s.checked(from, files.AppendURI([]byte{'/'}, []byte(rest)))
			}
		}
		// It may be below by way of a link.
		var err error
		if name, err = filepath.EvalSymlinks(name); err != nil || !filepath.IsAbs(name) {
			break
		}
	}
	return nil, nil, errNotBelow
}

// checked refuses what is no plain file.
func (s *scripts) checked(from source, uri []byte) (*files.Files, []byte, error) {
	if from.plain {
		return from.tree, uri, nil
	}
	var at files.Location
	if from.tree.Locate(&at, uri, nil, &s.rule) != files.FoundFile {
		return nil, nil, errSource
	}
	return from.tree, uri, nil
}
