package fcgi

import (
	"errors"
	"fmt"
)

// ErrProtocol is what every violation of the wire format by the peer wraps;
// the connection it was found on must be closed.
var ErrProtocol = errors.New("fcgi: protocol violation")

// Violations that are told apart. All of them wrap ErrProtocol.
var (
	ErrVersion        = fmt.Errorf("%w: record version is not 1", ErrProtocol)
	ErrMalformedBegin = fmt.Errorf("%w: FCGI_BEGIN_REQUEST body is not 8 octets", ErrProtocol)
	ErrMalformedEnd   = fmt.Errorf("%w: FCGI_END_REQUEST body is not 8 octets", ErrProtocol)
	ErrMalformedAbort = fmt.Errorf("%w: FCGI_ABORT_REQUEST has a body", ErrProtocol)
	ErrPairTruncated  = fmt.Errorf("%w: name-value pairs end in the middle of one", ErrProtocol)
	ErrRecordOrder    = fmt.Errorf("%w: record out of its place", ErrProtocol)
	ErrRequestID      = fmt.Errorf("%w: record of a request nobody made", ErrProtocol)
	ErrStray          = fmt.Errorf("%w: octets outside of an exchange", ErrProtocol)
)

// ErrLimit is what every error about a configured limit wraps. It says that
// the peer asked for more than we allow, not that it broke the protocol.
var ErrLimit = errors.New("fcgi: limit exceeded")

// Limits that are told apart. All of them wrap ErrLimit.
var (
	ErrParamsTooLarge = fmt.Errorf("%w: octets of parameters", ErrLimit)
	ErrTooManyParams  = fmt.Errorf("%w: number of parameters", ErrLimit)
	ErrBodyTooLarge   = fmt.Errorf("%w: octets of body", ErrLimit)
)

// Outcomes of Client.Do, beside ErrProtocol. After each of them the connection
// must be closed, unless the comment says otherwise.
var (
	// ErrNoAnswer says that the connection ended before one octet of the
	// answer came: the caller may try elsewhere if it can prove, or does not
	// care, that the request was not acted on. It wraps the cause.
	ErrNoAnswer = errors.New("fcgi: connection ended before the answer")
	// ErrCut says that the connection ended inside the answer. It wraps the
	// cause.
	ErrCut = errors.New("fcgi: connection ended inside the answer")
	// ErrInterrupted says that this side ended the exchange: a deadline
	// passed or the connection was closed here. It wraps
	// os.ErrDeadlineExceeded or net.ErrClosed.
	ErrInterrupted = errors.New("fcgi: exchange interrupted on this side")
	// ErrBody says that the request's body could not be read to its end. It
	// wraps what the body's reader returned. If nothing had been sent yet the
	// connection stays usable; MustClose tells.
	ErrBody = errors.New("fcgi: request body failed")
	// ErrSink says that the sink refused a part of the answer. It wraps what
	// the sink returned.
	ErrSink = errors.New("fcgi: answer refused by its sink")
	// ErrSpent says that Do was called on a connection that an earlier
	// exchange left in need of closing. Nothing was sent.
	ErrSpent = errors.New("fcgi: connection cannot carry another exchange")
	// ErrNotBegun says that Do was called without Begin, or Abort without an
	// exchange under way. Nothing was sent.
	ErrNotBegun = errors.New("fcgi: no request begun")
)

// Outcomes of the methods of ServerConn.
var (
	// ErrAborted is the cause that Watch reports when the web server sent
	// FCGI_ABORT_REQUEST for the request being answered.
	ErrAborted = errors.New("fcgi: request aborted by the web server")
	// ErrActive says that Next was called before End or Refuse.
	ErrActive = errors.New("fcgi: the request in hand is not ended")
	// ErrNoRequest says that there is no request in hand to answer.
	ErrNoRequest = errors.New("fcgi: no request in hand")
)
