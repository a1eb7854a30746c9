package fcgi

import (
	"encoding/binary"
	"fmt"
)

const (
	// Version is the only value of a header's version octet (clause 3.3).
	Version = 1
	// HeaderLen is the length in octets of a record's header (clause 3.3).
	HeaderLen = 8
	// MaxContent is the most octets of content one record can carry, because
	// contentLength has 16 bits (clause 3.3).
	MaxContent = 65535
	// NullRequestID marks management records (clause 3.3).
	NullRequestID = 0
	// FlagKeepConn is the flag of FCGI_BEGIN_REQUEST that asks the application
	// not to close the connection after the answer (clause 5.1).
	FlagKeepConn = 1

	bodyLen = 8 // of the discrete records that have a fixed body
)

// Type is a record's type (clause 8).
type Type uint8

// The eleven record types of FastCGI 1.0.
const (
	TypeBeginRequest    Type = 1
	TypeAbortRequest    Type = 2
	TypeEndRequest      Type = 3
	TypeParams          Type = 4
	TypeStdin           Type = 5
	TypeStdout          Type = 6
	TypeStderr          Type = 7
	TypeData            Type = 8
	TypeGetValues       Type = 9
	TypeGetValuesResult Type = 10
	TypeUnknownType     Type = 11
)

var typeNames = [...]string{
	TypeBeginRequest: "FCGI_BEGIN_REQUEST", TypeAbortRequest: "FCGI_ABORT_REQUEST", TypeEndRequest: "FCGI_END_REQUEST",
	TypeParams: "FCGI_PARAMS", TypeStdin: "FCGI_STDIN", TypeStdout: "FCGI_STDOUT", TypeStderr: "FCGI_STDERR", TypeData: "FCGI_DATA",
	TypeGetValues: "FCGI_GET_VALUES", TypeGetValuesResult: "FCGI_GET_VALUES_RESULT", TypeUnknownType: "FCGI_UNKNOWN_TYPE",
}

// String gives the specification's name of the type, or its number.
func (t Type) String() string {
	if t >= TypeBeginRequest && t <= TypeUnknownType {
		return typeNames[t]
	}
	return fmt.Sprintf("FCGI type %d", uint8(t))
}

// IsStream tells whether records of the type are pieces of a stream that an
// empty record ends (clause 3.3); the others are discrete.
func (t Type) IsStream() bool { return t >= TypeParams && t <= TypeData }

// Role is what the application is asked to be (clause 6).
type Role uint16

// The roles of FastCGI 1.0.
const (
	RoleResponder  Role = 1
	RoleAuthorizer Role = 2
	RoleFilter     Role = 3
)

// String gives the specification's name of the role, or its number.
func (r Role) String() string {
	switch r {
	case RoleResponder:
		return "FCGI_RESPONDER"
	case RoleAuthorizer:
		return "FCGI_AUTHORIZER"
	case RoleFilter:
		return "FCGI_FILTER"
	}
	return fmt.Sprintf("FCGI role %d", uint16(r))
}

// ProtocolStatus says how the FastCGI side of a request ended (clause 5.5).
type ProtocolStatus uint8

// The protocol statuses of FastCGI 1.0.
const (
	RequestComplete ProtocolStatus = 0
	CantMpxConn     ProtocolStatus = 1
	Overloaded      ProtocolStatus = 2
	UnknownRole     ProtocolStatus = 3
)

// String gives the specification's name of the status, or its number.
func (s ProtocolStatus) String() string {
	switch s {
	case RequestComplete:
		return "FCGI_REQUEST_COMPLETE"
	case CantMpxConn:
		return "FCGI_CANT_MPX_CONN"
	case Overloaded:
		return "FCGI_OVERLOADED"
	case UnknownRole:
		return "FCGI_UNKNOWN_ROLE"
	}
	return fmt.Sprintf("FCGI protocol status %d", uint8(s))
}

// The variables of FCGI_GET_VALUES (clause 4.1).
const (
	MaxConns  = "FCGI_MAX_CONNS"
	MaxReqs   = "FCGI_MAX_REQS"
	MpxsConns = "FCGI_MPXS_CONNS"
)

// Header is the fixed part of every record, without its version (clause 3.3).
type Header struct {
	Type    Type
	ID      uint16 // 0 for management records
	Length  uint16 // octets of content
	Padding uint8  // octets after the content, to be ignored
}

// ParseHeader decodes the first HeaderLen octets of b. Fewer octets give
// ErrProtocol, another version ErrVersion. The reserved octet is ignored.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderLen {
		return Header{}, fmt.Errorf("%w: header of %d octets", ErrProtocol, len(b))
	}
	if b[0] != Version {
		return Header{}, ErrVersion
	}
	return Header{
		Type:    Type(b[1]),
		ID:      binary.BigEndian.Uint16(b[2:]),
		Length:  binary.BigEndian.Uint16(b[4:]),
		Padding: b[6],
	}, nil
}

// BeginRequest is the body of FCGI_BEGIN_REQUEST (clause 5.1).
type BeginRequest struct {
	Role  Role
	Flags uint8
}

// ParseBegin decodes the body of FCGI_BEGIN_REQUEST; any length but 8 octets
// gives ErrMalformedBegin. Unknown flags are kept, reserved octets ignored.
func ParseBegin(b []byte) (BeginRequest, error) {
	if len(b) != bodyLen {
		return BeginRequest{}, ErrMalformedBegin
	}
	return BeginRequest{Role: Role(binary.BigEndian.Uint16(b)), Flags: b[2]}, nil
}

// EndRequest is the body of FCGI_END_REQUEST (clause 5.5).
type EndRequest struct {
	AppStatus      uint32 // for a responder, the exit status a CGI program would have had
	ProtocolStatus ProtocolStatus
}

// ParseEnd decodes the body of FCGI_END_REQUEST; any length but 8 octets gives
// ErrMalformedEnd. A protocol status unknown to FastCGI 1.0 is kept.
func ParseEnd(b []byte) (EndRequest, error) {
	if len(b) != bodyLen {
		return EndRequest{}, ErrMalformedEnd
	}
	return EndRequest{AppStatus: binary.BigEndian.Uint32(b), ProtocolStatus: ProtocolStatus(b[4])}, nil
}

// AppendHeader appends the 8 octets of a record's header.
func AppendHeader(dst []byte, h Header) []byte {
	return append(dst, Version, byte(h.Type), byte(h.ID>>8), byte(h.ID), byte(h.Length>>8), byte(h.Length), h.Padding, 0)
}

// AppendRecord appends one record without padding. Content longer than
// MaxContent does not fit a record and panics; AppendStream splits.
func AppendRecord(dst []byte, t Type, id uint16, content []byte) []byte {
	return AppendPadded(dst, t, id, content, 0)
}

// AppendPadded appends one record followed by pad zero octets of padding.
// Content longer than MaxContent panics.
func AppendPadded(dst []byte, t Type, id uint16, content []byte, pad uint8) []byte {
	if len(content) > MaxContent {
		panic("fcgi: content longer than a record can carry")
	}
	dst = AppendHeader(dst, Header{Type: t, ID: id, Length: uint16(len(content)), Padding: pad})
	dst = append(dst, content...)
	var zero [255]byte
	return append(dst, zero[:pad]...)
}

// AppendStream appends data as records of a stream, split at MaxContent. It
// never ends the stream: no data appends nothing, see AppendStreamEnd.
func AppendStream(dst []byte, t Type, id uint16, data []byte) []byte {
	for len(data) > 0 {
		n := min(len(data), MaxContent)
		dst = AppendRecord(dst, t, id, data[:n])
		data = data[n:]
	}
	return dst
}

// AppendStreamEnd appends the empty record that ends a stream (clause 3.3).
func AppendStreamEnd(dst []byte, t Type, id uint16) []byte {
	return AppendHeader(dst, Header{Type: t, ID: id})
}

// AppendBegin appends FCGI_BEGIN_REQUEST (clause 5.1).
func AppendBegin(dst []byte, id uint16, role Role, flags uint8) []byte {
	dst = AppendHeader(dst, Header{Type: TypeBeginRequest, ID: id, Length: bodyLen})
	return append(dst, byte(role>>8), byte(role), flags, 0, 0, 0, 0, 0)
}

// AppendAbort appends FCGI_ABORT_REQUEST (clause 5.4).
func AppendAbort(dst []byte, id uint16) []byte {
	return AppendHeader(dst, Header{Type: TypeAbortRequest, ID: id})
}

// AppendEnd appends FCGI_END_REQUEST (clause 5.5).
func AppendEnd(dst []byte, id uint16, e EndRequest) []byte {
	dst = AppendHeader(dst, Header{Type: TypeEndRequest, ID: id, Length: bodyLen})
	dst = binary.BigEndian.AppendUint32(dst, e.AppStatus)
	return append(dst, byte(e.ProtocolStatus), 0, 0, 0)
}

// AppendUnknownType appends FCGI_UNKNOWN_TYPE, the answer to a management
// record of a type that is not understood (clause 4.2).
func AppendUnknownType(dst []byte, t Type) []byte {
	dst = AppendHeader(dst, Header{Type: TypeUnknownType, ID: NullRequestID, Length: bodyLen})
	return append(dst, byte(t), 0, 0, 0, 0, 0, 0, 0)
}

// AppendGetValues appends FCGI_GET_VALUES asking for the named variables
// (clause 4.1). Names that together do not fit one record panic.
func AppendGetValues(dst []byte, names ...string) []byte {
	start := len(dst)
	dst = openRecord(dst, TypeGetValues, NullRequestID)
	for _, name := range names {
		dst = AppendParam(dst, name, "")
	}
	n := len(dst) - start - HeaderLen
	if n > MaxContent {
		panic("fcgi: content longer than a record can carry")
	}
	setLength(dst[start:], n)
	return dst
}

// openRecord appends a header whose length is set by closeRecord, so that
// content is written in place instead of being gathered elsewhere first.
func openRecord(dst []byte, t Type, id uint16) []byte {
	return AppendHeader(dst, Header{Type: t, ID: id})
}

// closeRecord completes the record opened at start with all that was appended
// since. More than MaxContent octets become several records; none take the
// header away again, because an empty record would end the stream.
func closeRecord(b []byte, start int) []byte {
	n := len(b) - start - HeaderLen
	if n == 0 {
		return b[:start]
	}
	for ; n > MaxContent; n -= MaxContent {
		setLength(b[start:], MaxContent)
		next := start + HeaderLen + MaxContent
		b = append(b, b[start:start+HeaderLen]...)
		copy(b[next+HeaderLen:], b[next:len(b)-HeaderLen])
		copy(b[next:], b[start:start+HeaderLen])
		start = next
	}
	setLength(b[start:], n)
	return b
}

func setLength(header []byte, n int) {
	binary.BigEndian.PutUint16(header[4:], uint16(n))
}
