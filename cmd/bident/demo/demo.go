package demo

import (
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
)

// Options are what can be chosen about the application.
type Options struct {
	// Faults adds the paths that crash or hang: /panic, /exit, /crash and
	// /hang. Without it they answer 404.
	Faults bool
}

// workerHeader names, in every answer, the worker that made it.
const workerHeader = "X-Bident-Worker"

// plain is the type of all answers that are lines of text.
const plain = "text/plain"

// New makes the application.
func New(o Options) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		identify(ctx)
		ctx.Response.Header.SetContentType(plain)
		if httpd.RoleOf(ctx) == httpd.Authorizer {
			authorize(ctx) // whatever the path of the request is that it decides on
			return
		}
		if o.route(ctx) || o.Faults && fault(ctx) {
			return
		}
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		ctx.Response.SetBodyString("not found\n")
	}
}

// route answers the paths that are always there, and reports whether this was
// one.
func (o Options) route(ctx *fasthttp.RequestCtx) bool {
	switch string(ctx.Path()) {
	case "/":
		index(ctx, o.Faults)
	case "/authz":
		authorize(ctx)
	case "/hello":
		ctx.Response.SetBodyString("hello\n")
	case "/echo":
		echo(ctx)
	case "/digest":
		digest(ctx)
	case "/env":
		environment(ctx)
	case "/envsum":
		environmentSum(ctx)
	case "/status":
		status(ctx)
	case "/redirect":
		redirect(ctx)
	case "/stream":
		stream(ctx)
	case "/bytes":
		octets(ctx)
	case "/headers":
		headers(ctx)
	case "/cookies":
		cookies(ctx)
	case "/stderr":
		complain(ctx)
	case "/pid":
		pid(ctx)
	case "/sendfile":
		sendfile(ctx)
	case "/sleep":
		sleep(ctx)
	case "/cpu":
		compute(ctx)
	case "/alloc":
		allocate(ctx)
	case "/leak":
		leak(ctx)
	default:
		return false
	}
	return true
}

// identify sets X-Bident-Worker: mode/slot/pid/generation/served.
func identify(ctx *fasthttp.RequestCtx) {
	w := httpd.WorkerOf(ctx)
	var text [96]byte
	b := append(text[:0], w.Mode.String()...)
	b = strconv.AppendInt(append(b, '/'), int64(w.Slot), 10)
	b = strconv.AppendInt(append(b, '/'), int64(w.PID), 10)
	b = strconv.AppendInt(append(b, '/'), int64(w.Generation), 10)
	b = strconv.AppendUint(append(b, '/'), w.Served, 10)
	ctx.Response.Header.SetBytesV(workerHeader, b)
}

// answer adds a word, a number and the end of the line to the body.
func answer(ctx *fasthttp.RequestCtx, word string, number int64) {
	var text [64]byte
	b := append(append(text[:0], word...), ' ')
	b = append(strconv.AppendInt(b, number, 10), '\n')
	ctx.Response.AppendBody(b)
}

// pid says which worker answers, and how many requests it has had.
func pid(ctx *fasthttp.RequestCtx) {
	w := httpd.WorkerOf(ctx)
	var text [64]byte
	b := strconv.AppendInt(append(text[:0], "pid="...), int64(w.PID), 10)
	b = strconv.AppendUint(append(b, " served="...), w.Served, 10)
	ctx.Response.AppendBody(append(b, '\n'))
}

// complain writes to the request's error stream.
func complain(ctx *fasthttp.RequestCtx) {
	// The stream reports no error: what cannot be delivered is lost.
	_, _ = httpd.ErrorStream(ctx).Write(ctx.QueryArgs().Peek("msg"))
	ctx.Response.SetBodyString("ok\n")
}
