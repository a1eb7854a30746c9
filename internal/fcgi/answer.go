package fcgi

import "net"

// directLen is the size from which octets are written from where they are
// instead of being gathered first.
const directLen = 8 << 10

// answer gathers the records on their way to the web server. Methods are
// called under ServerConn.mu.
type answer struct {
	conn   net.Conn
	id     uint16
	k      *block   // nil while nothing is gathered
	open   int      // where the unfinished record starts in k, -1 if there is none
	typ    Type     // of the unfinished record
	stderr bool     // FCGI_STDERR was used and needs an end
	err    error    // of writing; sticky
	pair   vectored // conn, if it is that
	vec    [2][]byte
	bufs   net.Buffers
}

// vectored is a connection that writes two pieces with one system call, if it can.
type vectored interface {
	WritePair(first, second []byte) error
}

// reset forgets the connection and what has gathered.
func (a *answer) reset(conn net.Conn) {
	if a.k != nil {
		putBlock(a.k)
	}
	a.conn, a.k, a.open, a.err = conn, nil, -1, nil
	a.pair, _ = conn.(vectored)
}

func (a *answer) begin(id uint16) {
	a.id, a.open, a.stderr = id, -1, false
}

// gather gives the octets gathered so far.
func (a *answer) gather() []byte {
	if a.k == nil {
		a.k, a.open = getBlock(), -1
	}
	return a.k.b
}

// finish completes the unfinished record.
func (a *answer) finish() {
	if a.k != nil && a.open >= 0 {
		a.k.b = closeRecord(a.k.b, a.open)
		a.open = -1
	}
}

// stream adds p to a stream. Few octets join the record before; many are
// written together with what was gathered.
func (a *answer) stream(t Type, p []byte) error {
	a.stderr = a.stderr || t == TypeStderr && len(p) > 0
	for a.err == nil && len(p) >= directLen {
		n := min(len(p), MaxContent)
		a.finish()
		b := AppendHeader(a.gather(), Header{Type: t, ID: a.id, Length: uint16(n)})
		a.k.b = b
		a.flush(p[:n])
		p = p[n:]
	}
	if a.err != nil || len(p) == 0 {
		return a.err
	}
	if len(a.gather())+HeaderLen+len(p) > outBufferLen {
		a.flush(nil)
	}
	b := a.gather()
	if a.open < 0 || a.typ != t {
		a.finish()
		b = a.gather()
		a.open, a.typ = len(b), t
		b = openRecord(b, t, a.id)
	}
	a.k.b = append(b, p...)
	return a.err
}

// end completes the request: the ends of its streams and FCGI_END_REQUEST join
// what was gathered, so that a small answer is one write.
func (a *answer) end(e EndRequest, streams bool) error {
	a.finish()
	b := a.gather()
	if streams {
		b = AppendStreamEnd(b, TypeStdout, a.id)
		if a.stderr {
			b = AppendStreamEnd(b, TypeStderr, a.id)
		}
	}
	a.k.b = AppendEnd(b, a.id, e)
	return a.flush(nil)
}

// control writes a record that is not of the request in hand, at once, because
// the web server may wait for it while we wait for the web server.
func (a *answer) control(record func([]byte) []byte) error {
	a.finish()
	a.k.b = record(a.gather())
	return a.flush(nil)
}

// flush writes what is gathered, and more after it, in one system call.
func (a *answer) flush(more []byte) error {
	a.finish()
	if a.k == nil {
		return a.err
	}
	switch {
	case a.err != nil:
	case len(more) == 0:
		_, a.err = a.conn.Write(a.k.b)
	case a.pair != nil:
		a.err = a.pair.WritePair(a.k.b, more)
	default:
		a.vec = [2][]byte{a.k.b, more}
		a.bufs = a.vec[:]
		_, a.err = a.bufs.WriteTo(a.conn)
		a.vec = [2][]byte{}
	}
	putBlock(a.k)
	a.k = nil
	return a.err
}

// Stdout adds octets to FCGI_STDOUT of the request in hand. They are gathered
// up to 16 KiB; Flush sends them sooner. Octets are copied or written before
// Stdout returns. An error of writing is given again by every later call;
// without a request in hand it is ErrNoRequest.
func (s *ServerConn) Stdout(p []byte) error { return s.stream(TypeStdout, p) }

// Stderr is Stdout for FCGI_STDERR.
func (s *ServerConn) Stderr(p []byte) error { return s.stream(TypeStderr, p) }

func (s *ServerConn) stream(t Type, p []byte) error {
	if s.answered.Load() {
		return ErrNoRequest
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.stream(t, p)
}

// Flush writes what is gathered.
func (s *ServerConn) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.flush(nil)
}

// End completes the answer to the request in hand with the exit status that a
// CGI program would have had, and writes all of it that is not written yet.
// FCGI_STDOUT is ended even if nothing was in it. If the request had no
// KEEP_CONN the caller must close the connection then; Next gives io.EOF.
func (s *ServerConn) End(appStatus uint32) error {
	return s.end(EndRequest{AppStatus: appStatus}, true)
}

// Finish is End with a protocol status beside the application status: that of a
// request that was refused, but whose answer says so, too.
func (s *ServerConn) Finish(e EndRequest) error { return s.end(e, true) }

// Refuse ends the request in hand with a protocol status other than
// RequestComplete instead of an answer, usually Overloaded (clause 5.5). Call
// it only if nothing was answered.
func (s *ServerConn) Refuse(status ProtocolStatus) error {
	return s.end(EndRequest{ProtocolStatus: status}, false)
}

func (s *ServerConn) end(e EndRequest, streams bool) error {
	if s.answered.Swap(true) {
		return ErrNoRequest
	}
	s.closing = !s.req.KeepConn
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.end(e, streams)
}
