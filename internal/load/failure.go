package load

import (
	"errors"
	"fmt"
)

// Kind names one way in which a server, or the path to it, failed. Every
// failure is counted under exactly one kind.
type Kind uint8

// The kinds. Transport kinds (Connect to Refused) cost a request its answer:
// requests begun = answers + transport failures + aborted. The others are
// found on or after an answer that was framed well, which is counted as an
// answer too.
const (
	// Connect: no connection could be made, within the timeout.
	Connect Kind = iota
	// Write: sending failed other than by the peer's close.
	Write
	// Read: receiving failed other than by the peer's close.
	Read
	// Timeout: the answer was not whole within Config.Timeout.
	Timeout
	// Lost: end of file or a reset before any octet of the answer. Also counts
	// the requests pipelined behind one that failed in another way.
	Lost
	// Early: end of file or a reset in the middle of an answer.
	Early
	// Framing: octets that are no HTTP/1.1 answer (RFC 9112), or no answer of a
	// FastCGI responder (FastCGI 1.0; RFC 3875, section 6).
	Framing
	// Refused: FCGI_END_REQUEST with a protocol status other than
	// FCGI_REQUEST_COMPLETE, such as FCGI_OVERLOADED.
	Refused
	// Unexpected: octets after the last answer that was asked for, or after one
	// that announced the close (RFC 9112 section 9.6).
	Unexpected
	// Lingering: the close was announced, or asked for, and did not come within
	// Config.Timeout, or came as a reset.
	Lingering
	// Status: not the status of Config.ExpectStatus.
	Status
	// Content: not the body of Config.ExpectBody.
	Content
	// Failed: FCGI_END_REQUEST with an application status other than 0.
	Failed

	kinds
)

var kindNames = [kinds]string{
	Connect: "connect", Write: "write", Read: "read", Timeout: "timeout",
	Lost: "lost", Early: "early_close", Framing: "framing",
	Refused: "refused", Unexpected: "unexpected_bytes", Lingering: "no_close",
	Status: "status", Content: "body", Failed: "app_status",
}

// String gives the name that reports use, in lower case with underscores.
func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// MarshalText makes a Kind usable as the key of a JSON object.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the name that String gives; any other text is an error.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, name := range kindNames {
		if name == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("load: no kind of failure is named %q", text)
}

// ErrConfig is wrapped by every error that a wrong Config causes, so that a
// command can tell wrong use from a failed run.
var ErrConfig = errors.New("load: configuration")

var (
	errLost     = errors.New("closed before any octet of the answer")
	errEarly    = errors.New("closed in the middle of an answer")
	errFraming  = errors.New("framing")
	errOverdue  = errors.New("no whole answer within the timeout")
	errCanceled = errors.New("run ended early")
)

// failure is an error that knows its kind.
type failure struct {
	kind  Kind
	cause error
}

func (f *failure) Error() string { return f.kind.String() + ": " + f.cause.Error() }
func (f *failure) Unwrap() error { return f.cause }

func statusError(status int) error { return fmt.Errorf("the status was %d", status) }
func contentError(size int64) error {
	return fmt.Errorf("the body, of %d octets, is not the expected one", size)
}
