package fcgi

import (
	"errors"
	"os"
)

// Watch looks after the connection while the request in hand is answered, and
// calls gone, at most once, if the web server aborts the request (the cause is
// ErrAborted) or the connection ends or breaks (the cause is its error). It
// starts one goroutine, which ends when gone was called, when anything of a
// next request comes, or when the connection is closed; what it read of a next
// request is kept for Next. Call it at most once for a request, after Next and
// before End, and leave the reading deadline alone meanwhile: one that passes
// ends the watch quietly.
//
// gone runs on the watching goroutine. It is never called after Next was
// called again, though it may still be running when End returns; it may call
// End but not Next.
//
// The web server has no reason to begin a next request before the end of this
// one, because FCGI_MPXS_CONNS says 0; if it does the watch ends, and the
// request is served after this one.
func (s *ServerConn) Watch(gone func(cause error)) {
	if s.answered.Load() {
		return
	}
	id := s.req.ID
	s.watching.Go(func() {
		if cause := s.watch(id, true); cause != nil && !s.answered.Load() {
			gone(cause)
		}
	})
}

// Lookout does what Watch does on the goroutine of the caller: it gives the cause
// once the request in hand is aborted or the connection ends, nil if anything of a
// next request comes, or when the reading deadline passes. Nothing else is read
// meanwhile.
func (s *ServerConn) Lookout() error {
	if s.answered.Load() {
		return nil
	}
	return s.watch(s.req.ID, true)
}

// Glance is Lookout for a connection whose Read gives os.ErrDeadlineExceeded instead
// of waiting. It writes nothing: it is over, with nil, at a management record.
func (s *ServerConn) Glance() error {
	if s.answered.Load() {
		return nil
	}
	return s.watch(s.req.ID, false)
}

// watch consumes records until one matters. It gives nil if the watch is over
// without the request's being in danger.
func (s *ServerConn) watch(id uint16, managing bool) error {
	for {
		h, err := s.rd.Peek()
		switch {
		case s.answered.Load() || errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		case h.Type == TypeBeginRequest && h.ID != NullRequestID, h.ID == NullRequestID && !managing:
			return nil
		}
		f, err := s.rd.Next()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		case f.ID == id && f.Type == TypeAbortRequest:
			return ErrAborted
		case f.ID == NullRequestID:
			if err := s.manage(f); err != nil {
				return err
			}
		}
		// Others are leftovers of a request cut short by a limit, or of one
		// that is not active, which clause 3.3 has us ignore.
	}
}
