package httpd

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/bident/bident/fork"
	"github.com/bident/bident/internal/nethttp"
)

// What FastCGI has no words for is said aside, by a child of this program to its
// parent, as a message on the error stream that begins with one of these. No
// message of a handler's begins with NUL: one more stands before it then.
const (
	asideInterim = "\x00interim " // an interim response, as it is on the wire
	asideTrailer = "\x00trailer " // the trailer section of the answer
	asideAway    = "\x00away "    // the client's connection is to be given to the child, by this name
	asideNow     = "\x00now "     // the same at once, without an answer
	asideWriteBy = "\x00by "      // when the answer must have been sent, in nanoseconds since 1970
	asideCut     = "\x00cut "     // the answer is to be broken off
	asideEscape  = "\x00 "
)

// say says something aside.
func (r *responder) say(what string, text []byte) error {
	message := append([]byte(what), text...)
	if err := r.server.Stderr(message); err != nil {
		return fmt.Errorf("%w: %w", ErrStreamClosed, err)
	}
	return nil
}

// complain passes a message for the request's error stream on.
func (r *responder) complain(_ *job, message []byte) {
	if len(message) > 0 && message[0] == 0 {
		message = append([]byte(asideEscape), message...)
	}
	_ = r.server.Stderr(message) // the parent is gone, or will be told by the answer
}

// start implements side.
func (r *responder) start(j *job, length int) (nethttp.Stream, error) {
	r.ctx.Response.Header.SetContentLength(length)
	more, err := r.streamHead()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStreamClosed, err)
	}
	r.body = &StreamWriter{direct: r.server}
	if !more {
		r.body.done = true
		return nothing{}, nil
	}
	return childStream{r.body, r}, nil
}

// childStream is a body on its way to the parent.
type childStream struct {
	*StreamWriter
	r *responder
}

// Trailer implements nethttp.Stream.
func (s childStream) Trailer(fields http.Header) {
	_ = s.r.say(asideTrailer, trailerSection(fields)) // the end says whether it has come through
}

// interim implements side.
func (r *responder) interim(_ *job, text []byte) error { return r.say(asideInterim, text) }

// writeBy implements side.
func (r *responder) writeBy(_ *job, t time.Time) error {
	by := int64(0)
	if !t.IsZero() {
		by = t.UnixNano()
	}
	return r.say(asideWriteBy, strconv.AppendInt(nil, by, 10))
}

// trailer implements side.
func (r *responder) trailer(j *job) []byte { return j.trailer }

// address implements side.
func (r *responder) address(j *job) string { return j.client() }

// handOut asks for the connection on behalf of the function that a fasthttp
// handler has left for it, and sends the answer that comes before.
func (r *responder) handOut(j *job) error {
	if j.params != nil {
		refuseHijack(&r.ctx)
		return r.whole()
	}
	f, silent := takeHijack(&r.ctx)
	name := r.child.visitors.expect(func(c net.Conn) { go runHijacked(c, f) })
	j.away = &handOver{}
	if silent {
		return r.say(asideNow, []byte(name))
	}
	if err := r.say(asideAway, []byte(name)); err != nil {
		return err
	}
	return r.whole()
}

// take implements side.
func (r *responder) take(j *job) (net.Conn, []byte, error) {
	if j.params != nil {
		return nil, nil, errRecords
	}
	taken := make(chan net.Conn, 1)
	name := r.child.visitors.expect(func(c net.Conn) { taken <- c })
	j.away = &handOver{}
	j.end(ErrRequestOver)
	if err := r.say(asideNow, []byte(name)); err != nil {
		return nil, nil, err
	}
	if err := r.server.Flush(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrStreamClosed, err)
	}
	return <-taken, nil, nil
}

// hear acts on what a child says aside. It reports false if the message is one for
// the request's error stream, which it returns.
func (r *exchangeRunner) hear(p []byte) (message []byte, aside bool) {
	if len(p) == 0 || p[0] != 0 {
		return p, false
	}
	what, text, _ := bytes.Cut(p, []byte{' '})
	j := r.job.Load()
	switch string(what) + " " {
	case asideInterim:
		_, _ = j.ctx.Conn().Write(text) // the client may be gone: the answer will tell
	case asideTrailer:
		r.trailer = append([]byte(nil), text...)
	case asideAway:
		j.away = &handOver{to: r.giver(string(text))}
	case asideNow:
		j.away = &handOver{to: r.giver(string(text)), silent: true}
		r.given = true
		_ = r.lane.Answer() // if nobody waits, giver is not called, and the child is about to be killed
	case asideCut:
		r.cut = true
	case asideWriteBy:
		if by, err := strconv.ParseInt(string(text), 10, 64); err == nil && r.stream == nil {
			var t time.Time
			if by != 0 {
				t = time.Unix(0, by)
			}
			_ = j.ctx.Conn().SetWriteDeadline(t) // as above
		}
	default:
		return text, false
	}
	return nil, true
}

// giver gives the client's connection to the child.
func (r *exchangeRunner) giver(name string) func(*readConn) {
	child, log := r.child.(*fork.Child), r.log // nobody else says anything aside
	return func(c *readConn) {
		if err := giveConn(child.Give, name, c); err != nil {
			log.Error("cannot give a connection to a worker", "pid", child.PID(), "error", err)
		}
	}
}
