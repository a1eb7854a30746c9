package fcgi

import "slices"

const (
	// DefaultMaxBody bounds one request's FCGI_STDIN and FCGI_DATA together,
	// in octets, when ServerConfig.MaxBody is 0.
	DefaultMaxBody = 1 << 20

	keptBody = 128 << 10 // octets of buffer kept from one request to the next
)

// Request is a request as the application receives it. Everything in it is
// valid until the next call of ServerConn.Next, which overwrites it.
type Request struct {
	ID       uint16
	Role     Role
	KeepConn bool   // the web server closes the connection, not we
	Params   Params // FCGI_PARAMS
	Stdin    []byte // FCGI_STDIN; empty for an authorizer (clause 6.3)
	Data     []byte // FCGI_DATA; empty but for a filter (clause 6.4)

	phase phase
}

// phase is what a request waits for. Clause 6.1: the inputs of a role come one
// after the other.
type phase uint8

const (
	phaseNone phase = iota // no request
	phaseParams
	phaseStdin
	phaseData
	phaseReady // the application has it
)

func (r *Request) begin(id uint16, b BeginRequest) {
	r.ID, r.Role, r.KeepConn = id, b.Role, b.Flags&FlagKeepConn != 0
	r.phase = phaseParams
}

// reset forgets the request and overwrites what it held.
func (r *Request) reset() {
	r.Params.Reset()
	r.Stdin = emptied(r.Stdin)
	r.Data = emptied(r.Data)
	r.ID, r.Role, r.KeepConn, r.phase = 0, 0, false, phaseNone
}

func emptied(b []byte) []byte {
	if cap(b) > keptBody {
		return nil
	}
	clear(b)
	return b[:0]
}

// take adds a fragment of the request's own streams.
func (r *Request) take(f Fragment, maxBody int) error {
	switch {
	case f.Type == TypeParams && r.phase == phaseParams:
		if !f.EndOfStream() {
			_, err := r.Params.Write(f.Data)
			return err
		}
		r.phase = phaseStdin
		if r.Role == RoleAuthorizer {
			r.phase = phaseReady
		}
		return r.Params.Finish()
	case f.Type == TypeStdin && r.phase == phaseStdin:
		if !f.EndOfStream() {
			return r.grow(&r.Stdin, f.Data, maxBody)
		}
		r.phase = phaseReady
		if r.Role == RoleFilter {
			r.phase = phaseData
		}
		return nil
	case f.Type == TypeData && r.phase == phaseData:
		if !f.EndOfStream() {
			return r.grow(&r.Data, f.Data, maxBody)
		}
		r.phase = phaseReady
		return nil
	}
	return ErrRecordOrder
}

func (r *Request) grow(to *[]byte, p []byte, maxBody int) error {
	if maxBody > 0 && len(r.Stdin)+len(r.Data)+len(p) > maxBody {
		return ErrBodyTooLarge
	}
	if cap(*to)-len(*to) < len(p) {
		// Doubling, since the length announced in the parameters is the
		// peer's word, and append alone grows in steps of a quarter.
		*to = slices.Grow(*to, max(len(p), len(*to)))
	}
	*to = append(*to, p...)
	return nil
}
