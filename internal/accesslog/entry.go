package accesslog

import (
	"net/netip"
	"time"
)

// Header gives the value of a field by its name, nil if there is none. The
// value is used only until Append returns. The headers of fasthttp satisfy it.
type Header interface{ Peek(name string) []byte }

// Connection says what became of the client's connection after the answer (%X).
type Connection byte

// The states of a connection. The zero value counts as Closed.
const (
	Aborted Connection = 'X' // it broke before the answer was complete
	Kept    Connection = '+' // it may carry another request
	Closed  Connection = '-' // it is closed after the answer
)

// Entry is one answered request. Zero values mean that something is not known;
// negative sizes and durations count as 0. Append keeps nothing of it.
type Entry struct {
	// Client is who asked, after trusted proxies; Peer is the other end of the
	// connection, Local ours. They are zero for UNIX sockets.
	Client, Peer, Local   netip.Addr
	ClientPort, LocalPort uint16
	// HostName is the name of Client by reverse lookup.
	HostName string
	// User is who authenticated.
	User []byte

	// Arrived is when the request began, in nanoseconds since the epoch;
	// Duration lasts until the answer was complete, and contains Queue, the wait
	// for a worker.
	Arrived         int64
	Duration, Queue time.Duration

	// Method, Target and Proto are the request line as received, Host the field.
	Method, Target, Proto, Host []byte
	// Server is the canonical name of the server, Handler what answered.
	Server, Handler string

	// Status is the code of the answer. BodySent are octets of its body,
	// TotalSent and TotalReceived all octets of answer and request.
	Status                             int
	BodySent, TotalSent, TotalReceived int64

	// KeptRequests is the number of requests on the connection before this one.
	KeptRequests int
	Connection   Connection

	// Slot, PID, Generation and Served (requests, this one included) are the
	// worker's. Slot is -1 if no worker had the request; PID is a serial number
	// if workers are goroutines.
	Slot, PID, Generation int
	Served                uint64
	// Shed says why no worker had the request.
	Shed string

	// ID names the request.
	ID []byte
	// Request and Answer give fields. They may be nil.
	Request, Answer Header
}

// field is the value of a request field, nil if there is none.
func (e *Entry) field(name string) []byte {
	if e.Request == nil {
		return nil
	}
	return e.Request.Peek(name)
}

// answerField is the value of a field of the answer, nil if there is none.
func (e *Entry) answerField(name string) []byte {
	if e.Answer == nil {
		return nil
	}
	return e.Answer.Peek(name)
}
