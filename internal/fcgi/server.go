package fcgi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// ServerConfig holds the limits of a ServerConn. The zero value serves
// responders with the default limits.
type ServerConfig struct {
	// MaxParamBytes and MaxParams bound FCGI_PARAMS, see Params.
	MaxParamBytes, MaxParams int
	// MaxBody bounds FCGI_STDIN and FCGI_DATA together, in octets. 0 means
	// DefaultMaxBody, a negative value no limit.
	MaxBody int
	// Roles are those served; others are answered UNKNOWN_ROLE (clause 5.5).
	// None means the responder alone. A role that FastCGI 1.0 does not define
	// is never served.
	Roles []Role
	// Limits are what FCGI_GET_VALUES is told (clause 4.1): how many connections
	// and requests the application takes at a time. They are asked for each time;
	// below 1 they are told as 1, and so they are if Limits is nil.
	Limits func() (conns, reqs int)
}

// ServerConn is the application's side of one connection, with one request at
// a time: Next, then Stdout, Stderr and Flush, then End; and again until Next
// gives an error. No goroutine is started but by Watch.
//
// Next and End belong to one goroutine. Stdout, Stderr and Flush may be called
// from several, as long as End comes after them. The connection stays the
// caller's: its deadlines act as on any net.Conn, and the caller closes it.
type ServerConn struct {
	conn    net.Conn
	cfg     ServerConfig
	rd      Reader
	req     Request
	asked   Params // FCGI_GET_VALUES that is coming
	inHand  bool   // the request was handed out
	closing bool   // the last request had no KEEP_CONN
	broken  error  // a violation, given by every later Next

	mu  sync.Mutex // guards out
	out answer

	answered atomic.Bool // no request is being answered
	watching sync.WaitGroup
}

// NewServerConn gives a ServerConn of a connection on which nothing was read.
func NewServerConn(conn net.Conn, cfg ServerConfig) *ServerConn {
	if cfg.MaxBody == 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	if len(cfg.Roles) == 0 {
		cfg.Roles = []Role{RoleResponder}
	}
	s := &ServerConn{cfg: cfg}
	s.req.Params.MaxBytes, s.req.Params.MaxCount = cfg.MaxParamBytes, cfg.MaxParams
	s.asked.MaxBytes, s.asked.MaxCount = 4<<10, 64
	s.Reset(conn)
	return s
}

// Reset forgets the connection, of which nothing is in hand, and goes on with
// another one, nil for none.
func (s *ServerConn) Reset(conn net.Conn) {
	s.conn, s.closing, s.broken = conn, false, nil
	s.inHand = false
	s.req.reset()
	s.rd.Reset(conn)
	s.out.reset(conn)
	s.answered.Store(true)
}

// Buffered gives the octets read beyond what Next consumed. Between requests,
// with AtBoundary, they are what another process must be given together with
// the connection to go on. Not while watching.
func (s *ServerConn) Buffered() []byte { return s.rd.Buffered() }

// AtBoundary tells whether no request is in hand or half read and no record is
// half consumed. Not while watching.
func (s *ServerConn) AtBoundary() bool { return s.req.phase == phaseNone && s.rd.AtBoundary() }

// Next waits for a request and reads it whole. The request is valid until Next
// is called again. Meanwhile it answers management records (clause 4), refuses
// roles not served and requests begun inside another, and ends requests
// aborted before they were whole (clauses 5.4, 5.5).
//
// io.EOF says that the exchange of requests is over: the web server closed the
// connection, or the last request had no KEEP_CONN and the caller must. With
// an error that wraps ErrLimit the request comes too, as far as it was read:
// the caller may answer it and go on, what follows of it is skipped. (If the
// limit was passed by FCGI_GET_VALUES there is no request.) With ErrProtocol,
// io.ErrUnexpectedEOF or an error of writing the connection must be closed.
// After an error of the connection that passes, such as a deadline, Next can
// be called again and goes on where it was.
func (s *ServerConn) Next() (*Request, error) { return s.read(phaseReady) }

// Head is Next for a caller that takes the body by itself: it gives a request as
// soon as its parameters are whole. Body has to be called next, but the request
// may be answered before; what follows of it is skipped then.
func (s *ServerConn) Head() (*Request, error) { return s.read(phaseStdin) }

// read reads a request as far as a phase.
func (s *ServerConn) read(until phase) (*Request, error) {
	if !s.Done() {
		return nil, ErrActive
	}
	if s.broken == nil {
		s.broken = s.writeError()
	}
	for {
		switch {
		case s.broken != nil:
			return nil, s.broken
		case s.closing:
			return nil, io.EOF
		}
		f, err := s.rd.Next()
		if err != nil {
			if err == io.EOF && s.req.phase != phaseNone {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if f.ID == NullRequestID {
			s.broken = s.manage(f)
			continue
		}
		err = s.apply(f)
		limited := errors.Is(err, ErrLimit)
		if err != nil && !limited {
			s.broken = err
			continue
		}
		if limited {
			s.req.phase = phaseReady
		}
		if s.req.phase >= until {
			s.handOut()
			return &s.req, err
		}
	}
}

// handOut lets the caller answer the request.
func (s *ServerConn) handOut() {
	s.inHand = true
	s.answered.Store(false)
	s.out.begin(s.req.ID)
}

// Body reads the rest of the request that Head has given. take gets the octets of
// FCGI_STDIN; its error ends Body and is returned, and the request can be answered.
// It can be after an error of the connection that passes, too. ErrAborted says that
// the web server has aborted the request, which is over: its end was sent. After
// other errors the connection must be closed.
func (s *ServerConn) Body(take func(p []byte) error) error {
	for s.inHand && s.req.phase < phaseReady {
		f, err := s.rd.Next()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		switch {
		case err != nil:
		case f.ID == NullRequestID:
			err = s.manage(f)
			s.broken = err
		case f.Type == TypeStdin && f.ID == s.req.ID && s.req.phase == phaseStdin && !f.EndOfStream():
			err = take(f.Data)
		default:
			if err = s.apply(f); err != nil {
				s.broken = err
			} else if s.req.phase == phaseNone {
				s.inHand = false
				s.answered.Store(true)
				err = ErrAborted
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Curtail gives the request whose parameters Head has not got whole, because of an
// error of the connection that passes, so that it can be answered; nil if none has
// begun.
func (s *ServerConn) Curtail() *Request {
	if s.req.phase == phaseNone || s.inHand {
		return nil
	}
	s.req.phase = phaseReady
	s.handOut()
	return &s.req
}

// Done forgets the request that was answered. It reports false if there is one that
// was not. Next and Head do the same.
func (s *ServerConn) Done() bool {
	if !s.inHand {
		return true
	}
	if !s.answered.Load() {
		return false
	}
	s.watching.Wait()
	s.req.reset()
	s.inHand = false
	return true
}

func (s *ServerConn) writeError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.err
}

// apply acts on a fragment of an application record.
func (s *ServerConn) apply(f Fragment) error {
	active := s.req.phase != phaseNone
	switch {
	case f.Type == TypeBeginRequest:
		b, err := ParseBegin(f.Data)
		switch {
		case err != nil:
			return err
		case active && f.ID == s.req.ID:
			return fmt.Errorf("%w: FCGI_BEGIN_REQUEST with an active id", ErrRecordOrder)
		case active:
			return s.refuse(f.ID, CantMpxConn)
		case !s.serves(b.Role):
			s.closing = b.Flags&FlagKeepConn == 0
			return s.refuse(f.ID, UnknownRole)
		}
		s.req.begin(f.ID, b)
		return nil
	case !active || f.ID != s.req.ID:
		return nil // clause 3.3: records of an inactive request are ignored
	case f.Type == TypeAbortRequest:
		s.closing = !s.req.KeepConn
		s.req.reset()
		return s.refuse(f.ID, RequestComplete)
	}
	if err := s.req.take(f, s.cfg.MaxBody); err != nil {
		return fmt.Errorf("%w: in %v of request %d", err, f.Type, f.ID)
	}
	return nil
}

func (s *ServerConn) serves(r Role) bool {
	if r < RoleResponder || r > RoleFilter {
		return false
	}
	for _, served := range s.cfg.Roles {
		if r == served {
			return true
		}
	}
	return false
}

// refuse ends a request that is not in hand.
func (s *ServerConn) refuse(id uint16, status ProtocolStatus) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.control(func(b []byte) []byte {
		return AppendEnd(b, id, EndRequest{ProtocolStatus: status})
	})
}

// manage acts on a fragment of a management record (clause 4).
func (s *ServerConn) manage(f Fragment) error {
	if f.Type == TypeGetValues {
		if f.First {
			s.asked.Reset()
		}
		if _, err := s.asked.Write(f.Data); err != nil {
			return fmt.Errorf("%w: in %v", err, f.Type)
		}
	}
	if !f.Last {
		return nil
	}
	if f.Type == TypeGetValues {
		if err := s.asked.Finish(); err != nil {
			return fmt.Errorf("%w: in %v", err, f.Type)
		}
	}
	conns, reqs := 1, 1
	if s.cfg.Limits != nil && f.Type == TypeGetValues {
		conns, reqs = s.cfg.Limits()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.control(func(b []byte) []byte {
		if f.Type == TypeGetValues {
			return s.appendValues(b, max(conns, 1), max(reqs, 1))
		}
		return AppendUnknownType(b, f.Type)
	})
}

// appendValues answers FCGI_GET_VALUES; names not known are left out.
func (s *ServerConn) appendValues(b []byte, conns, reqs int) []byte {
	start := len(b)
	b = openRecord(b, TypeGetValuesResult, NullRequestID)
	for i := range s.asked.Len() {
		name, _ := s.asked.At(i)
		var value int
		switch string(name) {
		case MaxConns:
			value = conns
		case MaxReqs:
			value = reqs
		case MpxsConns:
			value = 0
		default:
			continue
		}
		b = AppendParamRaw(b, name, strconv.AppendInt(nil, int64(value), 10))
	}
	setLength(b[start:], len(b)-start-HeaderLen)
	return b
}
