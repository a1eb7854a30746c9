package gate

// maxFields bounds what the parser behind the gate must allocate for a head of
// nothing but tiny fields.
const maxFields = 1024

// phase is what Parse reads next.
type phase uint8

const (
	phaseStart phase = iota
	phaseMethod
	phaseTarget
	phaseVersion
	phaseName
	phaseValue
)

// What was seen in the fields of a head.
const (
	sawHost uint16 = 1 << iota
	sawLength
	sawCoding
	sawClose
	sawKeepAlive
	sawUpgradeOption
	sawUpgrade
	sawExpect
	sawQuery
)

// Head is what the gate reads from a request's head. The zero value is ready
// for Parse; Reset makes it so again. Slices alias the buffer given to the call
// of Parse that returned true; until then only Skip means something.
type Head struct {
	// Skip counts the octets of empty lines before the request-line (RFC 9112
	// 2.2), which are part of Size. It is right while Parse wants more, too: a
	// request has begun once the buffer holds more than Skip octets.
	Skip int
	// Size counts the octets up to and including the empty line that ends the
	// head.
	Size int
	// Method and Target are as sent. Host is the authority that the request
	// is for: of the target if that has one (RFC 9112 3.2.2 and 3.2.3), else
	// the value of the Host field; empty only in HTTP/1.0.
	Method, Target, Host []byte
	// Form is the form of the target.
	Form Form
	// Minor is the minor version, 0 or 1.
	Minor int
	// Length is the body's in octets: 0 if there is none, -1 if it is chunked.
	Length int64
	// Close says that the connection ends after this request: the client asked
	// for it anywhere in its Connection fields, or speaks HTTP/1.0 and did not
	// ask for the opposite (RFC 9112 9.3).
	Close bool
	// KeepAlive says that an HTTP/1.0 client asked to keep the connection: the
	// answer must say so.
	KeepAlive bool
	// Continue says that the client of an HTTP/1.1 request with a body waits
	// for 100 (Continue) (RFC 9110 10.1.1).
	Continue bool
	// Upgrade says that the client of an HTTP/1.1 request offers another
	// protocol (RFC 9110 7.8).
	Upgrade bool

	err              *Error
	phase            phase
	saw              uint16
	fields           int
	at               int // the next octet to judge
	line             int // where the present field line began
	colon            int // of the present field line
	methodEnd        int
	targetFrom       int
	targetEnd        int
	authFrom, authTo int // the authority of the target, if it has one
	hostFrom, hostTo int // the value of Host
}

// Reset makes h ready for another request. It lets go of the buffer.
func (h *Head) Reset() { *h = Head{} }

// Parse reads the head at the start of b. It returns true when the head is
// complete, false when more is needed: call again with the same octets, which
// may have moved, and more behind them. max bounds Size, and must be the
// same in all calls for one request; nothing fits into 0 or less. True and
// errors are final until Reset.
func (h *Head) Parse(b []byte, max int) (done bool, err *Error) {
	if h.Size > 0 || h.err != nil {
		return h.err == nil, h.err
	}
	done, h.err = h.parse(b, max)
	return done, h.err
}

func (h *Head) parse(b []byte, max int) (done bool, err *Error) {
	if max < 0 {
		max = 0
	}
	if len(b) > max {
		b = b[:max]
	}
	if h.phase < phaseName {
		err = h.requestLine(b, max)
	}
	if h.phase >= phaseName && err == nil {
		done, err = h.fieldLines(b)
	}
	if !done && err == nil && len(b) >= max {
		err = errHeadLarge
	}
	return done, err
}

// fieldLines reads field lines from h.at on, up to and with the empty line,
// RFC 9112 5.
func (h *Head) fieldLines(b []byte) (bool, *Error) {
	i, line := h.at, h.line
	for {
		if h.phase == phaseName {
			i = span(b, i, inToken)
			if i == len(b) {
				h.at, h.line = i, line
				return false, nil
			}
			if b[i] != ':' || i == line {
				if b[i] != '\r' || i != line {
					return false, badName(b[i], i == line)
				}
				if i+1 == len(b) {
					h.at, h.line = i, line
					return false, nil
				}
				if b[i+1] != '\n' {
					return false, errBareCR
				}
				return h.finish(b, i+2)
			}
			h.colon = i
			h.phase = phaseValue
			i++
		}
		for {
			i = nextControl(b, i)
			if i == len(b) || b[i] != '\t' {
				break
			}
			i++
		}
		if i == len(b) || b[i] == '\r' && i+1 == len(b) {
			h.at, h.line = i, line
			return false, nil
		}
		if b[i] != '\r' || b[i+1] != '\n' {
			return false, badValue(b[i])
		}
		if h.fields++; h.fields > maxFields {
			return false, errFieldCount
		}
		if n := h.colon - line; n < 18 && framingLengths>>n&1 != 0 {
			if err := h.field(b, b[line:h.colon], h.colon+1, i); err != nil {
				return false, err
			}
		}
		i += 2
		line = i
		h.phase = phaseName
	}
}

// badName is why the octet c ends no field name.
func badName(c byte, first bool) *Error {
	switch {
	case c == '\n':
		return errBareLF
	case first && (c == ' ' || c == '\t'):
		return errFold
	case first && c == ':':
		return errNameEmpty
	case c == ' ' || c == '\t':
		return errNameSpace
	case c == '\r':
		return errNoColon
	}
	return errName
}

// badValue is why the control c may not be in a value.
func badValue(c byte) *Error {
	switch c {
	case '\r':
		return errBareCR
	case '\n':
		return errBareLF
	}
	return errControl
}

// finish judges the head as a whole; it ends before end.
func (h *Head) finish(b []byte, end int) (bool, *Error) {
	if h.Minor > 0 && h.hostFrom == h.hostTo {
		return false, errHostMissing
	}
	h.Size = end
	h.Method = b[h.Skip:h.methodEnd:h.methodEnd]
	h.Target = b[h.targetFrom:h.targetEnd:h.targetEnd]
	h.Host = b[h.hostFrom:h.hostTo:h.hostTo]
	if h.authTo > 0 {
		h.Host = b[h.authFrom:h.authTo:h.authTo]
	}
	saw := h.saw
	h.Close = saw&sawClose != 0
	if h.Minor == 0 {
		h.KeepAlive = saw&(sawClose|sawKeepAlive) == sawKeepAlive
		h.Close = !h.KeepAlive
		return true, nil
	}
	h.Continue = saw&sawExpect != 0 && h.Length != 0
	h.Upgrade = saw&(sawUpgrade|sawUpgradeOption) == sawUpgrade|sawUpgradeOption
	return true, nil
}
