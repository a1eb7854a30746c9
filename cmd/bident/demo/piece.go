package demo

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
)

// pieces is a body that comes bit by bit.
type pieces struct {
	count    int
	interval time.Duration
	size     int // of the padding after each piece's line
}

// stream sends pieces, the first at once, until the client leaves.
func stream(ctx *fasthttp.RequestCtx) {
	count, ok := number(ctx, "n", 5, 0, maxPieces)
	if !ok {
		return
	}
	ms, ok := number(ctx, "ms", 200, 0, maxWait)
	if !ok {
		return
	}
	size, ok := number(ctx, "sz", 0, 0, maxPiece)
	if !ok {
		return
	}
	p := pieces{count, time.Duration(ms) * time.Millisecond, size}
	request := httpd.Context(ctx)
	httpd.Stream(ctx, func(w *httpd.StreamWriter) error { return p.write(request, w) })
}

// flusher is what pieces are written to.
type flusher interface {
	io.Writer
	Flush() error
}

// write writes all pieces and flushes each. It stops with an error when w fails
// or ctx ends.
func (p pieces) write(ctx context.Context, w flusher) error {
	var line []byte
	var padding []byte
	if p.size > 0 {
		padding = append(bytes.Repeat([]byte("x"), p.size), '\n')
	}
	var pause *time.Timer
	for i := range p.count {
		if i > 0 && p.interval > 0 {
			if pause == nil {
				pause = time.NewTimer(p.interval)
				defer pause.Stop()
			} else {
				pause.Reset(p.interval)
			}
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line = append(strconv.AppendInt(append(line[:0], "chunk "...), int64(i), 10), '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
		if _, err := w.Write(padding); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}
