package nethttp

import (
	"io"
	"net/http"
	"sync"
)

// copySize is how much is copied at a time.
const copySize = 32 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copySize]byte) }}

// ReadFrom implements io.ReaderFrom: io.Copy and http.ServeContent come here. A
// Stream that can send a file by itself gets it, if the length is known.
//
// src is read without holding the writer, since it may write to it.
func (w *writer) ReadFrom(src io.Reader) (total int64, err error) {
	buf := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buf)
	for {
		if to, left := w.direct(); to != nil {
			n, err := w.sendFile(to, src, left)
			return total + n, err
		}
		n, readErr := src.Read(buf[:])
		if n > 0 {
			n, err = w.Write(buf[:n])
			total += int64(n)
			if err != nil {
				return total, err
			}
		}
		switch {
		case readErr == io.EOF:
			return total, nil
		case readErr != nil:
			return total, readErr
		}
	}
}

// direct is the Stream if it takes files and if the answer has begun, and how much
// it still has to get.
func (w *writer) direct() (to io.ReaderFrom, left int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.started || w.done || w.hijacked || w.err != nil || w.length < 0 || w.bodiless() {
		return nil, 0
	}
	to, _ = w.stream.(io.ReaderFrom)
	return to, w.length - w.written
}

// sendFile copies src to the Stream, but no more than left.
func (w *writer) sendFile(to io.ReaderFrom, src io.Reader, left int64) (int64, error) {
	from := src
	limited, ok := src.(*io.LimitedReader)
	if !ok || limited.N > left {
		from = &io.LimitedReader{R: src, N: left}
	}
	n, err := to.ReadFrom(from)
	w.mu.Lock()
	w.written += n
	if err != nil && w.err == nil {
		w.err = err
	}
	w.mu.Unlock()
	if err != nil || n < left {
		return n, err
	}
	// There must be nothing more.
	var more [1]byte
	if k, _ := io.ReadFull(src, more[:]); k > 0 {
		return n, http.ErrContentLength
	}
	return n, nil
}
