package gate

// Error is why a request is refused. After one the connection cannot carry
// another request: answer and close. All values are predeclared, so refusing
// allocates nothing.
type Error struct {
	// Status is the status code of the answer, 400 or higher.
	Status int
	// Reason is short and in lower case; it has nothing of the request in it.
	Reason string
}

// Error implements error: the reason.
func (e *Error) Error() string { return e.Reason }

// The request-line and what comes before it.
var (
	errEmptyLines     = &Error{400, "too many empty lines before the request"}
	errTLS            = &Error{400, "a tls handshake on a port that speaks plain http"}
	errMethod         = &Error{400, "malformed method"}
	errMethodLong     = &Error{501, "method not implemented"}
	errTarget         = &Error{400, "malformed request target"}
	errTargetForm     = &Error{400, "request target does not suit the method"}
	errTargetHost     = &Error{400, "malformed authority in the request target"}
	errTargetLong     = &Error{414, "request line too long"}
	errSimple         = &Error{400, "http/0.9 request, or a line without a version"}
	errVersion        = &Error{400, "malformed http version"}
	errVersionUnknown = &Error{505, "http version not supported"}
)

// Lines and fields.
var (
	errBareCR     = &Error{400, "carriage return without line feed"}
	errBareLF     = &Error{400, "line feed without carriage return"}
	errFold       = &Error{400, "a field line begins with whitespace"}
	errName       = &Error{400, "malformed field name"}
	errNameSpace  = &Error{400, "whitespace before the colon of a field"}
	errNameEmpty  = &Error{400, "empty field name"}
	errNoColon    = &Error{400, "field line without colon"}
	errControl    = &Error{400, "control character in a field value"}
	errHeadLarge  = &Error{431, "request head too large"}
	errFieldCount = &Error{431, "too many fields"}
)

// What fields mean.
var (
	errHostMissing    = &Error{400, "host missing or empty"}
	errHostTwice      = &Error{400, "more than one host"}
	errHost           = &Error{400, "malformed host"}
	errLength         = &Error{400, "malformed content-length"}
	errLengthTwice    = &Error{400, "more than one content-length"}
	errLengthHuge     = &Error{413, "content-length beyond any limit"}
	errBothFramings   = &Error{400, "content-length and transfer-encoding"}
	errCoding         = &Error{400, "transfer-encoding is not chunked"}
	errCodingTwice    = &Error{400, "more than one transfer-encoding"}
	errCodingUnknown  = &Error{501, "transfer coding not implemented"}
	errCodingVersion  = &Error{400, "transfer-encoding in http/1.0"}
	errExpect         = &Error{417, "unknown expectation"}
	errTrailerPromise = &Error{400, "the trailer field names what is no trailer"}
)

// Chunks.
var (
	errChunkSize     = &Error{400, "malformed chunk size"}
	errChunkSizeLong = &Error{400, "chunk size of too many digits"}
	errChunkLine     = &Error{400, "chunk size line too long"}
	errExtension     = &Error{400, "malformed chunk extension"}
	errExtensions    = &Error{400, "too much in chunk extensions"}
	errChunkEnd      = &Error{400, "chunk data not followed by cr lf"}
	errTrailerName   = &Error{400, "a field that may not be a trailer"}
	errTrailerLarge  = &Error{431, "trailer section too large"}
)
