package fcgi

import "io"

// Fragment is a piece of a record's content.
type Fragment struct {
	Type Type
	ID   uint16
	// Data is valid until the next call of the Reader. It is empty only if the
	// whole record is.
	Data  []byte
	First bool // Data begins the record
	Last  bool // Data ends the record
}

// EndOfStream tells whether the fragment is an empty record, which ends its
// stream if the type is that of a stream (clause 3.3).
func (f Fragment) EndOfStream() bool { return f.First && f.Last && len(f.Data) == 0 }

// Reader takes records apart. It holds at most 16 KiB whatever the size of
// records, because it hands content on in fragments; only the discrete records
// with a fixed body (FCGI_BEGIN_REQUEST, FCGI_END_REQUEST) come whole.
// On Linux, over a *net.UnixConn or a *net.TCPConn, it waits for octets
// without holding a buffer at all. A Reader is not safe for concurrent use and
// must not be copied after Reset.
type Reader struct {
	src  io.Reader
	desc *descriptor // nil: read src
	// waiting is called before a read that has to wait, if octets have come.
	waiting func()
	buf     *readBuffer // nil while nothing is held
	r, w    int         // buf[r:w] came and is not consumed

	header Header
	open   bool // inside the record of header
	rem    int  // octets of its content not yet delivered
	pad    int  // octets of padding to skip
	octets int64
	late   error // came with octets, to be given after them
}

// NewReader gives a Reader of src.
func NewReader(src io.Reader) *Reader {
	r := new(Reader)
	r.Reset(src)
	return r
}

// Reset drops everything held and makes src the source.
func (r *Reader) Reset(src io.Reader) {
	r.drop()
	r.src, r.desc = src, nil
	if d, err := openDescriptor(src); err == nil {
		r.desc = d
	}
	r.open, r.rem, r.pad, r.octets = false, 0, 0, 0
	r.late = nil
}

// drop drops everything held.
func (r *Reader) drop() {
	r.r, r.w = 0, 0
	r.Release()
}

// Release gives the buffer back to its pool if nothing is held in it. The next
// call takes one again. A slice delivered before is not valid any more.
func (r *Reader) Release() {
	if r.buf != nil && r.r == r.w {
		readBuffers.Put(r.buf)
		r.buf = nil
		r.r, r.w = 0, 0
	}
}

// Buffered gives the octets that came and are not consumed; they are the
// prefix of what another reader of the same source must see. Only at a
// boundary do they begin with a header. Valid until the next call.
func (r *Reader) Buffered() []byte {
	if r.buf == nil {
		return nil
	}
	return r.buf[r.r:r.w]
}

// AtBoundary tells whether everything consumed so far is whole records, their
// padding included.
func (r *Reader) AtBoundary() bool { return !r.open && r.pad == 0 }

// Peek gives the header of the next record without consuming it. Between
// fragments of a record it gives that record's header, its Length as it came.
// Errors are those of Next.
func (r *Reader) Peek() (Header, error) {
	if r.open {
		return r.header, nil
	}
	if err := r.skipPadding(); err != nil {
		return Header{}, err
	}
	if err := r.need(HeaderLen); err != nil {
		return Header{}, err
	}
	h, err := ParseHeader(r.buf[r.r:r.w])
	if err != nil {
		return Header{}, err
	}
	switch {
	case h.Type == TypeBeginRequest && h.Length != bodyLen:
		return h, ErrMalformedBegin
	case h.Type == TypeEndRequest && h.Length != bodyLen:
		return h, ErrMalformedEnd
	case h.Type == TypeAbortRequest && h.Length != 0:
		return h, ErrMalformedAbort
	}
	return h, nil
}

// Next gives the next fragment. It returns io.EOF if the source ended on a
// record boundary and io.ErrUnexpectedEOF if it ended anywhere else, the
// padding included; ErrVersion, ErrMalformedBegin, ErrMalformedEnd and
// ErrMalformedAbort for records that cannot be right; else the source's error.
// After an error of the source that passes, such as a deadline, Next can be
// called again and no octet is lost.
func (r *Reader) Next() (Fragment, error) {
	if !r.open {
		h, err := r.Peek()
		if err != nil {
			return Fragment{}, err
		}
		if h.Type == TypeBeginRequest || h.Type == TypeEndRequest {
			if err := r.need(HeaderLen + bodyLen + int(h.Padding)); err != nil {
				return Fragment{}, err
			}
		}
		r.r += HeaderLen
		r.header, r.open, r.rem = h, true, int(h.Length)
	}
	if r.rem > 0 && r.r == r.w {
		if err := r.fill(); err != nil {
			return Fragment{}, unexpected(err)
		}
	}
	f := Fragment{Type: r.header.Type, ID: r.header.ID, First: r.rem == int(r.header.Length)}
	if r.rem > 0 {
		n := min(r.rem, r.w-r.r)
		f.Data = r.buf[r.r : r.r+n : r.r+n]
		r.r += n
		r.rem -= n
	}
	if r.rem == 0 {
		f.Last, r.open = true, false
		r.pad = int(r.header.Padding)
		r.dropPadding()
	}
	return f, nil
}

// dropPadding skips the padding that is here already. It does not touch the
// octets of a fragment delivered before.
func (r *Reader) dropPadding() {
	n := min(r.pad, r.w-r.r)
	r.r += n
	r.pad -= n
}

func (r *Reader) skipPadding() error {
	for r.dropPadding(); r.pad > 0; r.dropPadding() {
		if err := r.fill(); err != nil {
			return unexpected(err)
		}
	}
	return nil
}

// need waits until n octets are held; n is less than half a buffer.
func (r *Reader) need(n int) error {
	for r.w-r.r < n {
		if err := r.fill(); err != nil {
			if r.w > r.r {
				err = unexpected(err)
			}
			return err
		}
	}
	return nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fill reads at least one octet more, behind those that are held.
func (r *Reader) fill() error {
	if r.r == r.w {
		r.r, r.w = 0, 0
	} else if readBufferLen-r.w < 512 {
		r.w = copy(r.buf[:], r.buf[r.r:r.w])
		r.r = 0
	}
	if err := r.late; err != nil {
		r.late = nil
		return err
	}
	const tries = 100 // of a source that gives neither octets nor an error
	for range tries {
		var n int
		var err error
		if r.desc != nil {
			n, err = r.desc.read(r)
		} else {
			if r.waiting != nil && r.octets > 0 {
				r.waiting()
			}
			n, err = r.src.Read(r.space())
		}
		r.w += n
		r.octets += int64(n)
		if n > 0 {
			r.late = err
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// space gives the free part of the buffer, borrowing one if there is none.
func (r *Reader) space() []byte {
	if r.buf == nil {
		r.buf = readBuffers.Get().(*readBuffer)
	}
	return r.buf[r.w:]
}
