package fcgi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// Sink receives an answer as it comes. The slices are valid during the call
// only.
type Sink interface {
	// Stdout takes the next octets of FCGI_STDOUT: the CGI answer. An error
	// ends the exchange.
	Stdout(p []byte) error
	// Stderr takes the next octets of FCGI_STDERR, which may come at any time
	// and in any pieces.
	Stderr(p []byte)
}

// Do sends the request and delivers the answer to sink until the program ends
// it. The EndRequest is valid if the error is nil; its ProtocolStatus may
// still refuse the request. See the errors named beside ErrNoAnswer for the
// others. Whether an answer is complete is decided thus (clauses 3.5, 5.5):
// FCGI_END_REQUEST ends it; without KEEP_CONN the program may as well close
// the connection after ending FCGI_STDOUT, which counts as success with
// AppStatus 0; any other end of the connection gives ErrNoAnswer or ErrCut.
// A failure to write is no error by itself, because a program may answer and
// close without reading everything. If sink panics the exchange is cleaned up
// and the connection must be closed.
func (c *Client) Do(sink Sink) (EndRequest, error) {
	if c.out == nil {
		return EndRequest{}, ErrNotBegun
	}
	defer c.cleanup()
	if c.spent {
		return EndRequest{}, ErrSpent
	}
	gathered, err := c.gather()
	if err != nil {
		return EndRequest{}, fmt.Errorf("%w: %w", ErrBody, err)
	}
	c.spent = true // until the exchange proves otherwise
	c.rd.octets = 0
	if err := c.start(gathered); err != nil {
		return EndRequest{}, fmt.Errorf("%w: %w", ErrInterrupted, err)
	}
	end, err := c.receive(sink)
	c.join()
	if err != nil {
		if c.upload.bodyErr != nil && errors.Is(err, ErrInterrupted) {
			err = fmt.Errorf("%w: %w", ErrBody, c.upload.bodyErr)
		}
		return EndRequest{}, err
	}
	aborted := c.aborting.Load() != abortNot
	c.spent = !c.keep || !c.upload.sent.Load() || !c.rd.AtBoundary() || len(c.rd.Buffered()) > 0 || aborted && c.SmallKeep
	return end, nil
}

// gather completes the request in out, if it is small enough to be written at
// once; else out holds all before FCGI_STDIN. It settles KEEP_CONN.
func (c *Client) gather() (gathered bool, err error) {
	b := closeRecord(c.out.b, c.params)
	b = AppendStreamEnd(b, TypeParams, c.id)
	size, known := int64(len(b)), true
	if c.role == RoleAuthorizer {
		c.body, c.src = nil, nil
	} else if c.src != nil {
		known = c.srcLen >= 0
		size += streamLen(max(c.srcLen, 0))
	} else {
		size += streamLen(int64(len(c.body)))
	}
	if c.role == RoleFilter {
		size += streamLen(int64(len(c.data)))
	}
	if c.SmallKeep && (size > smallKeepLen || !known) {
		c.keep = false
	}
	if c.keep {
		b[flagsOffset] |= FlagKeepConn
	}
	gathered = known && size <= gatherLen
	if gathered && c.role != RoleAuthorizer {
		if c.src != nil {
			start := len(b)
			b = openRecord(b, TypeStdin, c.id)
			n := len(b)
			b = append(b, make([]byte, c.srcLen)...)
			if _, err := io.ReadFull(c.src, b[n:]); err != nil {
				return false, unexpected(err)
			}
			b = closeRecord(b, start)
		} else {
			b = AppendStream(b, TypeStdin, c.id, c.body)
		}
		b = AppendStreamEnd(b, TypeStdin, c.id)
	}
	if gathered && c.role == RoleFilter {
		b = AppendStreamEnd(AppendStream(b, TypeData, c.id, c.data), TypeData, c.id)
	}
	c.out.b = b
	return gathered, nil
}

// receive delivers the records of the answer.
func (c *Client) receive(sink Sink) (EndRequest, error) {
	ended := false // FCGI_STDOUT
	for {
		f, err := c.rd.Next()
		if err != nil {
			return EndRequest{}, c.failure(err, ended)
		}
		if f.ID != c.id {
			return EndRequest{}, fmt.Errorf("%w: %v with id %d", ErrRequestID, f.Type, f.ID)
		}
		switch f.Type {
		case TypeStdout:
			switch {
			case len(f.Data) == 0:
				ended = true
			case ended:
				return EndRequest{}, fmt.Errorf("%w: FCGI_STDOUT after its end", ErrRecordOrder)
			default:
				if err := sink.Stdout(f.Data); err != nil {
					return EndRequest{}, fmt.Errorf("%w: %w", ErrSink, err)
				}
			}
		case TypeStderr:
			if len(f.Data) > 0 {
				sink.Stderr(f.Data)
			}
		case TypeEndRequest:
			return ParseEnd(f.Data)
		default:
			return EndRequest{}, fmt.Errorf("%w: %v in an answer", ErrRecordOrder, f.Type)
		}
	}
}

// failure gives the outcome of an exchange whose answer could not be read on;
// nil if the answer is complete all the same.
func (c *Client) failure(err error, ended bool) error {
	switch {
	case errors.Is(err, ErrProtocol):
		return err
	case interrupted(err):
		return fmt.Errorf("%w: %w", ErrInterrupted, err)
	case c.rd.octets == 0:
		// A reader's EOF says less than why nothing could be written.
		if werr := c.upload.inlineErr; werr != nil {
			err = werr
		}
		return fmt.Errorf("%w: %w", ErrNoAnswer, err)
	case ended && !c.keep && c.rd.AtBoundary() && len(c.rd.Buffered()) == 0:
		return nil
	}
	return fmt.Errorf("%w: %w", ErrCut, unexpected(err))
}

// interrupted tells whether this side, not the peer, ended a read or write.
func interrupted(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed)
}

// past is a deadline that makes reads and writes in progress return.
var past = time.Unix(1, 0)

// cleanup ends what Do began, in whatever way Do ends.
func (c *Client) cleanup() {
	c.join()
	c.mu.Lock()
	c.answered = true
	c.mu.Unlock()
	putBlock(c.out)
	c.out = nil
	c.body, c.data, c.src, c.stop = nil, nil, nil, nil
	c.rd.Release()
}
