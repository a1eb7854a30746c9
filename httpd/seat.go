package httpd

import (
	"bytes"
	"net"
	"time"
)

// What follows is all that a handler can do with its connection beside the
// request. After the handler was abandoned none of it has an effect.

func (s *deskSeat) requestJob() *job { return &s.desk.job }

// RemoteAddr implements net.Conn.
func (s *deskSeat) RemoteAddr() net.Addr { return s.conn.remote }

// LocalAddr implements net.Conn.
func (s *deskSeat) LocalAddr() net.Addr { return s.conn.local }

// Read implements net.Conn. The connection's octets belong to the front, which
// has read the body.
func (s *deskSeat) Read([]byte) (int, error) { return 0, net.ErrClosed }

// Write implements net.Conn: it sends what comes before the answer, which can be
// an interim response only (RFC 9110, section 15.2). Clients of HTTP/1.0 do not
// know those, and FastCGI has no way for them: they get none.
func (s *deskSeat) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead.Load() {
		return 0, net.ErrClosed
	}
	if s.conn.web != nil || s.desk.head.Minor == 0 && bytes.HasPrefix(p, []byte("HTTP/1.1 1")) {
		return len(p), nil
	}
	s.desk.out = append(s.desk.out, p...)
	if err := s.conn.flush(); err != nil {
		return 0, err
	}
	s.conn.enter(phaseBusy)
	return len(p), nil
}

// Close implements net.Conn: nothing can be sent any more, and the connection
// ends after the request.
func (s *deskSeat) Close() error { return s.conn.Conn.SetWriteDeadline(longAgo) }

// SetDeadline implements net.Conn. The front sets the deadlines.
func (s *deskSeat) SetDeadline(time.Time) error { return net.ErrClosed }

// SetReadDeadline implements net.Conn.
func (s *deskSeat) SetReadDeadline(time.Time) error { return net.ErrClosed }

// SetWriteDeadline implements net.Conn: the answer must have been sent until then,
// or the connection is cut.
func (s *deskSeat) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead.Load() {
		return net.ErrClosed
	}
	by := int64(0)
	if !t.IsZero() {
		by = max(t.UnixNano(), 1)
	}
	s.conn.writeBy.Store(by)
	return s.conn.Conn.SetWriteDeadline(t)
}
