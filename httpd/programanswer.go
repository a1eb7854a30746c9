package httpd

import (
	"errors"
	"fmt"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// errNoAnswer says that a program has ended the request without an octet of an answer.
var errNoAnswer = errors.New("httpd: the program gave no answer")

// wholeAnswer bounds the answers that are passed on in one piece.
const wholeAnswer = 64 << 10

// programAnswer makes an HTTP answer of the octets that a program writes: the
// head of a CGI answer, then its body (RFC 3875, section 6). An answer that is
// short and quick is passed on whole, any other becomes a stream.
//
// It is used by the lane that runs the request, for one request at a time: begin,
// then write and pass, then complete and close.
type programAnswer struct {
	lane     *pool.Lane
	ctx      *fasthttp.RequestCtx // not to be used once the answer is a stream
	answered *job                 // the request's
	eager    bool                 // it is a child of this program: without a length it is a stream from its head on
	bodiless bool                 // the answer to HEAD
	head     []byte
	seen     int // of head, as lines that have ended
	headDone bool
	length   int // Content-Length that the program gave, -1 for none
	stream   *StreamWriter
	silence  silence // of the program, once there is a stream
}

// begin makes ready for the answer to a request.
func (a *programAnswer) begin(l *pool.Lane, j *job, eager bool) {
	a.lane, a.ctx, a.answered, a.eager, a.bodiless = l, j.ctx, j, eager, j.ctx.IsHead()
	a.head, a.seen, a.headDone, a.length, a.stream = a.head[:0], 0, false, -1, nil
}

// write takes the next octets of the answer. After an error no more are wanted.
func (a *programAnswer) write(p []byte) error {
	if !a.silence.heard() {
		return errProgramSilent
	}
	if !a.headDone {
		a.head = append(a.head, p...)
		end, body, seen := headEnd(a.head, a.seen)
		if a.seen = seen; end < 0 {
			if len(a.head) > maxAnswerHead {
				return fmt.Errorf("%w: longer than %d octets", errAnswerHead, maxAnswerHead)
			}
			return nil
		}
		least := fasthttp.StatusOK
		if a.answered.away != nil {
			least = fasthttp.StatusSwitchingProtocols
		}
		length, err := parseAnswerHead(a.head[:end], &a.ctx.Response, least)
		if err != nil {
			return err
		}
		a.headDone, a.length = true, length
		if j := a.answered; !a.eager && (j.params == nil || j.role == fcgi.RoleResponder) {
			a.answered.sequel = sequelOf(a.head[:end], &a.ctx.Response, &a.answered.mount)
		}
		p = a.head[body:]
		if length < 0 && a.eager {
			if err := a.startStream(); err != nil {
				return err
			}
		}
	}
	if a.stream != nil {
		_, err := a.stream.Write(p)
		return err
	}
	if a.dropped() {
		return nil
	}
	a.ctx.Response.AppendBody(p)
	if len(a.ctx.Response.Body()) > wholeAnswer {
		return a.startStream()
	}
	return nil
}

// pass is called when the program takes its time: what has come of the answer
// goes on to the client.
func (a *programAnswer) pass() {
	switch {
	case a.stream != nil:
		_ = a.stream.Flush() // the next Write says whether the client has left
	case a.headDone && !a.dropped():
		if a.startStream() == nil && a.stream != nil {
			_ = a.stream.Flush()
		}
	}
	a.silence.wait()
}

// startStream turns the answer so far into a stream.
func (a *programAnswer) startStream() error {
	if a.dropped() {
		return nil
	}
	resp := &a.ctx.Response
	w := newStreamWriter(a.length)
	w.buf = append(w.buf, resp.Body()...)
	resp.ResetBody()
	resp.ImmediateHeaderFlush = true
	resp.SetBodyStream(streamReader{w}, a.length)
	a.stream = w
	a.answered.writer = w
	if !a.lane.Answer() {
		return ErrStreamClosed
	}
	a.silence.begin()
	return nil
}

// headOnly reports whether the answer has no body, whatever its head says (RFC
// 9110, section 6.4.1).
func (a *programAnswer) headOnly() bool {
	status := a.ctx.Response.StatusCode()
	return a.bodiless || status == fasthttp.StatusNoContent || status == fasthttp.StatusNotModified
}

// dropped reports whether the body reaches nobody: there is none, or the answer is
// another one.
func (a *programAnswer) dropped() bool {
	return a.headOnly() || a.answered.sequel.kind != sequelNone
}

// complete checks an answer that has come to its end.
func (a *programAnswer) complete() error {
	switch {
	case len(a.head) == 0:
		return errNoAnswer
	case !a.headDone:
		return fmt.Errorf("%w: it ended in the middle", errAnswerHead)
	}
	if a.stream != nil || a.answered.sequel.kind != sequelNone {
		return nil // the front cuts what does not have the length that it has sent
	}
	resp := &a.ctx.Response
	if n := len(resp.Body()); a.length >= 0 && n != a.length && !a.headOnly() {
		return fmt.Errorf("%w: Content-Length %d, but %d octets of body", errAnswerHead, a.length, n)
	}
	if a.bodiless {
		// The length that GET would have had, if the program said it.
		resp.SkipBody = true
		resp.Header.SetContentLength(max(a.length, -1))
	}
	return nil
}

// fail answers 502 in place of an answer that cannot be had, unless some of it
// has gone out: then close cuts it.
func (a *programAnswer) fail() {
	if a.stream == nil {
		a.answered.sequel = sequel{}
		badGateway(a.ctx)
	}
}

// badGateway is the answer to a request whose program has given none that could be
// passed on.
func badGateway(ctx *fasthttp.RequestCtx) {
	ctx.Response.Reset()
	ctx.Error("bad gateway\n", fasthttp.StatusBadGateway)
}

// close ends an answer that is a stream: cut, visibly for the client, if err is
// not nil. What is used of the request after it is the job only.
func (a *programAnswer) close(err error) {
	if a.stream != nil {
		a.stream.finish(err)
	}
}
