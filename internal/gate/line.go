package gate

import "encoding/binary"

const (
	maxEmptyLines = 4
	maxMethod     = 32
	versionSize   = len("HTTP/1.1\r\n")
)

var http11 = binary.LittleEndian.Uint64([]byte("HTTP/1.1"))

// requestLine reads the request-line and the empty lines before it from h.at
// on, RFC 9112 2.2 and 3. When the line is complete h.phase is phaseName.
func (h *Head) requestLine(b []byte, max int) *Error {
	if h.phase == phaseStart {
		if more, err := h.start(b); more || err != nil {
			return err
		}
	}
	limit := h.Skip + max/2
	if len(b) > limit {
		b = b[:limit]
	}
	more, err := h.words(b)
	if err == nil && more && len(b) == limit {
		err = errTargetLong
	}
	return err
}

// start skips empty lines and looks at the first octet of the request.
func (h *Head) start(b []byte) (more bool, err *Error) {
	for {
		i := h.Skip
		if i == len(b) {
			return true, nil
		}
		if b[i] != '\r' {
			break
		}
		if i == 2*maxEmptyLines {
			return false, errEmptyLines
		}
		if i+1 == len(b) {
			return true, nil
		}
		if b[i+1] != '\n' {
			return false, errBareCR
		}
		h.Skip = i + 2
	}
	h.at = h.Skip
	h.phase = phaseMethod
	switch b[h.at] {
	case 0x16: // the content type of a TLS record with a handshake, RFC 8446 5.1
		return false, errTLS
	case '\n':
		return false, errBareLF
	}
	return false, nil
}

// words reads method SP request-target SP HTTP-version CRLF.
func (h *Head) words(b []byte) (more bool, err *Error) {
	i := h.at
	if h.phase == phaseMethod {
		i = span(b, i, inToken)
		if i-h.Skip > maxMethod {
			return false, errMethodLong
		}
		if i == len(b) {
			h.at = i
			return true, nil
		}
		if b[i] != ' ' || i == h.Skip {
			return false, errMethod
		}
		h.methodEnd = i
		i++
		h.targetFrom = i
		h.phase = phaseTarget
	}
	if h.phase == phaseTarget {
		if i, more, err = h.targetEndIn(b, i); more || err != nil {
			h.at = i
			return more, err
		}
		h.targetEnd = i
		i++
		h.phase = phaseVersion
	}
	h.at = i
	if more, err = h.version(b[i:]); more || err != nil {
		return more, err
	}
	h.at = i + versionSize
	h.line = h.at
	h.phase = phaseName
	return false, h.form(b)
}

// targetEndIn looks from i on for the space that ends the target, and returns
// its place, or from where to look when there is more.
func (h *Head) targetEndIn(b []byte, i int) (end int, more bool, err *Error) {
	want := uint8(inPath)
	if h.saw&sawQuery != 0 {
		want = inQuery
	}
	for {
		i = span(b, i, want)
		if i == len(b) {
			return i, true, nil
		}
		switch b[i] {
		case ' ':
			if i == h.targetFrom {
				return i, false, errTarget
			}
			return i, false, nil
		case '?':
			h.saw |= sawQuery
			want = inQuery
			i++
		case '%':
			for k := 1; k <= 2; k++ {
				if i+k == len(b) {
					return i, true, nil
				}
				if class[b[i+k]]&inHex == 0 {
					return i, false, errTarget
				}
			}
			i += 3
		case '\r', '\n':
			return i, false, errSimple
		default:
			return i, false, errTarget
		}
	}
}

// version reads HTTP-version CRLF at the start of b, RFC 9112 2.3.
func (h *Head) version(b []byte) (more bool, err *Error) {
	if len(b) >= versionSize && binary.LittleEndian.Uint64(b) == http11 && b[8] == '\r' && b[9] == '\n' {
		h.Minor = 1
		return false, nil
	}
	const shape = "HTTP/0.0\r\n"
	for k := range min(len(b), versionSize) {
		if shape[k] == '0' && class[b[k]]&inDigit != 0 || b[k] == shape[k] {
			continue
		}
		return false, errVersion
	}
	if len(b) < versionSize {
		return true, nil
	}
	if b[5] != '1' || b[7] > '1' {
		return false, errVersionUnknown
	}
	h.Minor = int(b[7] - '0')
	return false, nil
}
