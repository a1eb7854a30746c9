package load

import (
	"bytes"
	"fmt"

	"github.com/bident/bident/internal/fcgi"
)

// requestID is that of every FastCGI request: a connection carries one at a time.
const requestID = 1

// records frames the answers of a FastCGI responder (FastCGI 1.0, clauses 3.3,
// 5.3 and 5.5): records of FCGI_STDOUT with a CGI answer in them, of FCGI_STDERR,
// and FCGI_END_REQUEST at the end of all. What the specification does not allow,
// or is no CGI answer (RFC 3875, section 6), is an error; that FCGI_STDOUT has no
// end of its own is none, because PHP gives it none.
type records struct {
	toHEAD bool // bodies are of no interest
	verify bool // compare bodies with expect
	expect []byte

	begun    bool
	kind     fcgi.Type // of the record in hand
	left     int       // octets of its content to come
	padding  int       // octets behind it to skip
	ended    bool      // FCGI_STDOUT
	over     bool      // FCGI_END_REQUEST was seen
	end      fcgi.EndRequest
	headDone bool
	head     cgiHead
	pending  []byte // the beginning of a head that came in pieces
	size     int64
	differs  bool
}

func (r *records) next() {
	*r = records{toHEAD: r.toHEAD, verify: r.verify, expect: r.expect, pending: r.pending[:0]}
}

func (r *records) advance(b []byte) (n int, whole bool, err error) {
	r.begun = r.begun || len(b) > 0
	for {
		content := b[n:min(n+r.left, len(b))]
		if r.kind == fcgi.TypeStdout && len(content) > 0 {
			if err := r.stdout(content); err != nil {
				return n, false, err
			}
		}
		n += len(content)
		if r.left -= len(content); r.left > 0 {
			return n, false, nil
		}
		skipped := min(r.padding, len(b)-n)
		n += skipped
		if r.padding -= skipped; r.padding > 0 {
			return n, false, nil
		}
		if r.over {
			err := r.finish()
			return n, err == nil, err
		}
		taken, err := r.open(b[n:])
		if taken == 0 || err != nil {
			return n, false, err
		}
		n += taken
	}
}

// open begins the next record and returns how many octets it took, 0 if there
// are too few. FCGI_END_REQUEST it takes whole.
func (r *records) open(b []byte) (int, error) {
	if len(b) < fcgi.HeaderLen {
		if len(b) > 0 && b[0] != fcgi.Version {
			return 0, malformed("no FastCGI record", b)
		}
		return 0, nil
	}
	h, err := fcgi.ParseHeader(b)
	if err != nil {
		return 0, malformed("no FastCGI record", b)
	}
	if h.ID != requestID {
		return 0, fmt.Errorf("%w: %v of request %d, which nobody made", errFraming, h.Type, h.ID)
	}
	taken := fcgi.HeaderLen
	switch h.Type {
	case fcgi.TypeStdout:
		if r.ended {
			return 0, fmt.Errorf("%w: %v behind its end", errFraming, h.Type)
		}
		r.ended = h.Length == 0
	case fcgi.TypeStderr:
	case fcgi.TypeEndRequest:
		end := b[taken:min(taken+int(h.Length), len(b))]
		if len(end) < int(h.Length) {
			return 0, nil
		}
		if r.end, err = fcgi.ParseEnd(end); err != nil {
			return 0, fmt.Errorf("%w: %w", errFraming, err)
		}
		taken += len(end)
		h.Length, r.over = 0, true
	default:
		return 0, fmt.Errorf("%w: %v in an answer", errFraming, h.Type)
	}
	r.kind, r.left, r.padding = h.Type, int(h.Length), int(h.Padding)
	return taken, nil
}

// stdout takes octets of FCGI_STDOUT.
func (r *records) stdout(p []byte) error {
	if !r.headDone {
		all := p
		if len(r.pending) > 0 {
			r.pending = append(r.pending, p...)
			all = r.pending
		}
		n, done, err := r.head.read(all)
		switch {
		case err != nil:
			return err
		case !done && len(all) > maxHead:
			return fmt.Errorf("%w: a head longer than %d octets", errFraming, maxHead)
		case !done:
			if len(r.pending) == 0 {
				r.pending = append(r.pending, p...)
			}
			return nil
		}
		r.headDone = true
		p = all[n:]
	}
	if r.verify && !r.differs {
		rest := r.expect[min(r.size, int64(len(r.expect))):]
		r.differs = !bytes.HasPrefix(rest, p)
	}
	r.size += int64(len(p))
	return nil
}

// finish looks at an answer that has come to its end.
func (r *records) finish() error {
	switch h := &r.head.head; {
	case r.end.ProtocolStatus != fcgi.RequestComplete:
		return nil
	case !r.headDone:
		return fmt.Errorf("%w: %v without a whole head before it", errFraming, fcgi.TypeEndRequest)
	case h.hasLength && r.size != h.length && !r.toHEAD && h.status != 304:
		return fmt.Errorf("%w: Content-Length %d, and %d octets of body", errFraming, h.length, r.size)
	case r.verify && r.size != int64(len(r.expect)):
		r.differs = true
	}
	return nil
}

func (r *records) eof() (bool, error) {
	if !r.begun {
		return false, errLost
	}
	return false, errEarly
}

func (r *records) outcome() outcome {
	o := outcome{begun: r.begun, status: r.head.status, size: r.size, differs: r.differs}
	switch {
	case !r.over:
	case r.end.ProtocolStatus != fcgi.RequestComplete:
		o.refused = refusals[min(r.end.ProtocolStatus, fcgi.ProtocolStatus(len(refusals)-1))]
	case r.end.AppStatus != 0:
		o.failed = fmt.Errorf("the application status was %d", r.end.AppStatus)
	}
	return o
}

// refusals are made once: a server that sheds load is measured, too.
var refusals = [...]error{
	fcgi.CantMpxConn: fmt.Errorf("%v", fcgi.CantMpxConn),
	fcgi.Overloaded:  fmt.Errorf("%v", fcgi.Overloaded),
	fcgi.UnknownRole: fmt.Errorf("%v", fcgi.UnknownRole),
	4:                fmt.Errorf("a protocol status that FastCGI does not have"),
}
