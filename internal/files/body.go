package files

import (
	"errors"
	"io"
	"os"
	"sync"
)

// ErrShrunk is what reading a Body ends with if the file became shorter than it
// was when it was opened. The answer has promised more octets, so the connection
// has to be closed: the client shall see that it is cut.
var ErrShrunk = errors.New("the file became shorter while it was sent")

// Body is a part of an open file as the body of an answer. Who sends it either
// reads it (Read, WriteTo), or hands Section to the system, and in any case closes
// it. It is for one goroutine. Bodies are not pooled: one that was kept beyond
// its Close would then read another client's file.
type Body struct {
	file      *os.File
	offset, n int64
}

// Section is the open file with the offset and the number of octets that are
// still to be sent. The file is positioned nowhere in particular, and is closed
// by Close only. If it turns out to be shorter, the answer has to be cut.
func (b *Body) Section() (f *os.File, offset, length int64) { return b.file, b.offset, b.n }

// Read reads on. It returns io.EOF after the last octet of the section, and
// ErrShrunk if the file ends before.
func (b *Body) Read(p []byte) (int, error) {
	if b.n == 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.file.ReadAt(p[:min(int64(len(p)), b.n)], b.offset)
	b.offset += int64(n)
	b.n -= int64(n)
	switch {
	case n > 0:
		return n, nil
	case err == nil || err == io.EOF:
		return 0, ErrShrunk
	}
	return 0, err
}

// piece is how much WriteTo reads at once.
const piece = 64 << 10

var pieces = sync.Pool{New: func() any { return new([piece]byte) }}

// WriteTo writes the rest of the section to w, in pieces of 64 KiB. The error is
// ErrShrunk if the file ends before.
func (b *Body) WriteTo(w io.Writer) (int64, error) {
	buf := pieces.Get().(*[piece]byte)
	defer pieces.Put(buf)
	var total int64
	for {
		n, err := b.Read(buf[:])
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		m, err := w.Write(buf[:n])
		total += int64(m)
		if err != nil {
			return total, err
		}
	}
}

// SupportsBodyWriteTo tells fasthttp that WriteTo may stand for Read.
func (b *Body) SupportsBodyWriteTo() bool { return true }

// Close closes the file.
func (b *Body) Close() error { return b.file.Close() }
