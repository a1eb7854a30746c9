package demo

import (
	"fmt"
	"strconv"

	"github.com/valyala/fasthttp"
)

// The largest values of parameters.
const (
	maxPieces  = 1_000_000
	maxPiece   = 1 << 20 // octets
	maxBytes   = 1 << 30
	maxHeaders = 1000
	maxHeader  = 64 << 10 // octets of one
	maxHead    = 4 << 20  // octets of all
	maxWait    = 60 * 60 * 1000
	maxMemory  = 1 << 20 // KiB
)

// refuse answers 400 with one line.
func refuse(ctx *fasthttp.RequestCtx, format string, args ...any) {
	ctx.SetStatusCode(fasthttp.StatusBadRequest)
	ctx.Response.SetBodyString(fmt.Sprintf(format, args...) + "\n")
}

// number is the value of a parameter that must be a whole number from low to
// high; if it is not, the request has been answered. Without the parameter it is
// fallback.
func number(ctx *fasthttp.RequestCtx, name string, fallback, low, high int) (int, bool) {
	given := ctx.QueryArgs().Peek(name)
	if given == nil {
		return fallback, true
	}
	n, err := strconv.Atoi(string(given))
	if err != nil || n < low || high < n || given[0] == '+' {
		refuse(ctx, "%s: %.40q is not a whole number from %d to %d", name, given, low, high)
		return 0, false
	}
	return n, true
}

// required is number for a parameter that has no default.
func required(ctx *fasthttp.RequestCtx, name string, low, high int) (int, bool) {
	if !ctx.QueryArgs().Has(name) {
		refuse(ctx, "%s: missing; it must be a whole number from %d to %d", name, low, high)
		return 0, false
	}
	return number(ctx, name, 0, low, high)
}

// field is the value of a parameter that is to be sent in a header field. It may
// hold no control characters: they could end the field (RFC 9110, section 5.5).
func field(ctx *fasthttp.RequestCtx, name string) ([]byte, bool) {
	value := ctx.QueryArgs().Peek(name)
	if len(value) == 0 {
		refuse(ctx, "%s: missing or empty; it must be the value of a header field", name)
		return nil, false
	}
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			refuse(ctx, "%s: %.40q holds a control character; it must be the value of a header field", name, value)
			return nil, false
		}
	}
	return value, true
}
