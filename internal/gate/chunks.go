package gate

const (
	maxSizeDigits = 15
	// maxSizeLine bounds chunk-size and extensions of one chunk, without CRLF.
	maxSizeLine = 256
	// maxExtensions bounds the extensions of all chunks of one body, semicolons
	// included.
	maxExtensions = 16 << 10
	// keepTrailer is the largest buffer for trailers that survives Reset.
	keepTrailer = 16 << 10
)

// chunkState is what Chunks reads next.
type chunkState uint8

const (
	stateSize chunkState = iota
	stateExtBegin
	stateExtName
	stateExtNamed
	stateExtEqual
	stateExtToken
	stateExtQuoted
	stateExtEscape
	stateExtClosed
	stateExtValued
	stateSizeLF
	stateData
	stateDataCR
	stateDataLF
	stateTrailer
	stateEnd
	stateDone
)

// Chunks takes a chunked body apart, RFC 9112 7.1. The zero value takes one
// that has no trailers; Reset makes it ready for another body.
type Chunks struct {
	state      chunkState
	digits     uint8 // of the present chunk-size
	line       int   // octets of the present size line; then where the present trailer line begins
	extensions int   // octets of extensions so far
	left       int64 // of the present chunk's size, or data
	maxTrailer int
	trailer    []byte
	err        *Error
}

// Reset makes c ready for another body, with a trailer section of at most
// maxTrailer octets; with 0 or less there may be none. The slice that Trailer
// returned becomes invalid.
func (c *Chunks) Reset(maxTrailer int) {
	trailer := c.trailer[:0]
	if cap(trailer) > keepTrailer {
		trailer = nil
	}
	*c = Chunks{maxTrailer: maxTrailer, trailer: trailer}
}

// Next takes what follows of the body at the start of src. n octets of src are
// used up; data, a part of them and often empty, is what they hold of the
// content. Each call returns at the end of such a part, so call again with
// src[n:]. done says that the body is complete and src[n:] belongs to what
// comes after it. n is 0 only if src is empty, or with done or an error; done
// and errors are final, and with an error n means nothing.
func (c *Chunks) Next(src []byte) (data []byte, n int, done bool, err *Error) {
	if c.err == nil {
		data, n, c.err = c.next(src)
	}
	if c.err != nil {
		return nil, 0, false, c.err
	}
	return data, n, c.state == stateDone, nil
}

func (c *Chunks) next(src []byte) ([]byte, int, *Error) {
	for i := 0; i < len(src); i++ {
		o := src[i]
		switch c.state {
		case stateSize:
			if err := c.size(o); err != nil {
				return nil, 0, err
			}
		case stateSizeLF:
			if o != '\n' {
				return nil, 0, errBareCR
			}
			c.line, c.digits = 0, 0
			c.state = stateData
			if c.left == 0 {
				c.state = stateTrailer
			}
		case stateData:
			end := len(src)
			if int64(end-i) >= c.left {
				end = i + int(c.left)
				c.state = stateDataCR
			}
			c.left -= int64(end - i)
			return src[i:end:end], end, nil
		case stateDataCR:
			if o != '\r' {
				return nil, 0, errChunkEnd
			}
			c.state = stateDataLF
		case stateDataLF:
			if o != '\n' {
				return nil, 0, errChunkEnd
			}
			c.state = stateSize
		case stateTrailer, stateEnd:
			n, err := c.trailers(src[i:])
			return nil, i + n, err
		case stateDone:
			return nil, i, nil
		default:
			if err := c.count(o); err != nil {
				return nil, 0, err
			}
			if err := c.extension(o); err != nil {
				return nil, 0, err
			}
		}
	}
	return nil, len(src), nil
}

// size takes an octet of chunk-size, or the one after it.
func (c *Chunks) size(o byte) *Error {
	switch {
	case class[o]&inHex != 0:
		if c.digits++; c.digits > maxSizeDigits {
			return errChunkSizeLong
		}
		c.line++
		digit := o - '0'
		if digit > 9 {
			digit = o | 0x20 - 'a' + 10
		}
		c.left = c.left<<4 | int64(digit)
	case c.digits == 0:
		return errChunkSize
	case o == '\r':
		c.state = stateSizeLF
	case o == ';':
		c.state = stateExtBegin
		return c.count(o)
	case o == '\n':
		return errBareLF
	default:
		return errChunkSize
	}
	return nil
}

// count bounds the octet o of an extension.
func (c *Chunks) count(o byte) *Error {
	if o == '\r' {
		return nil
	}
	if c.line++; c.line > maxSizeLine {
		return errChunkLine
	}
	if c.extensions++; c.extensions > maxExtensions {
		return errExtensions
	}
	return nil
}

// Trailer is the trailer section when the body is done, octet for octet: field
// lines, each with its CRLF, without the empty line at the end; empty if there
// is none. It is valid until Reset.
func (c *Chunks) Trailer() []byte { return c.trailer }
