package demo

import (
	"crypto/sha1"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
)

// echo sends the request's body back.
func echo(ctx *fasthttp.RequestCtx) {
	contentType := ctx.Request.Header.ContentType()
	if len(contentType) == 0 {
		contentType = []byte("application/octet-stream") // RFC 9110, 8.3
	}
	if err := ctx.Request.BodyWriteTo(ctx); err != nil {
		ctx.Response.ResetBody()
		refuse(ctx, "the body cannot be read: %v", err)
		return
	}
	ctx.Response.Header.SetContentTypeBytes(contentType)
	ctx.Response.Header.SetBytesV("X-Method", ctx.Method())
	length := len(ctx.Response.Body())
	ctx.Response.Header.SetContentLength(length) // fasthttp leaves out 0 after HEAD
	var text [20]byte
	ctx.Response.Header.SetBytesV("X-Len", strconv.AppendInt(text[:0], int64(length), 10))
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// digest says what has arrived.
func digest(ctx *fasthttp.RequestCtx) {
	sum, length := sha1.New(), counter(0)
	if err := ctx.Request.BodyWriteTo(io.MultiWriter(sum, &length)); err != nil {
		refuse(ctx, "the body cannot be read: %v", err)
		return
	}
	fmt.Fprintf(ctx, "method=%s len=%d sha1=%x\n", ctx.Method(), length, sum.Sum(nil))
}

// modulus is the period of what /bytes sends: a prime, so that a piece that is
// lost, doubled or moved by any power of two shows.
const modulus = 251

// pattern is what /bytes sends, again and again: whole periods, almost 64 KiB.
var pattern = sync.OnceValue(func() []byte {
	b := make([]byte, modulus*(64<<10/modulus))
	for i := range b {
		b[i] = byte(i % modulus)
	}
	return b
})

// octets sends octets that can be checked one by one. The answer is streamed if
// it is longer than the pattern, so that its size costs no memory.
func octets(ctx *fasthttp.RequestCtx) {
	n, ok := required(ctx, "n", 0, maxBytes)
	if !ok {
		return
	}
	ctx.Response.Header.SetContentType("application/octet-stream")
	ctx.Response.Header.SetContentLength(n)
	if p := pattern(); n <= len(p) {
		ctx.Response.AppendBody(p[:n])
		return
	}
	httpd.Stream(ctx, func(w *httpd.StreamWriter) error { return writeOctets(w, n) })
}

func writeOctets(w io.Writer, n int) error {
	all := pattern()
	for n > 0 {
		m, err := w.Write(all[:min(n, len(all))])
		if err != nil {
			return err
		}
		n -= m
	}
	return nil
}
