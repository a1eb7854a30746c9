package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// profilePath is where the admin listener shows profiles of the parent process,
// for "go tool pprof" and "go tool trace". They are made of runtime/pprof alone:
// net/http/pprof would put them on http.DefaultServeMux, which a program may
// serve to everybody.
const profilePath = "/debug/pprof/"

// The time of a CPU profile or a trace, if the request does not say, and the most.
// The client of a long one may have left, which nobody would notice.
const (
	profileTime    = 30 * time.Second
	traceTime      = time.Second
	maxProfileTime = 5 * time.Minute
)

// handleProfile answers a request for a profile by its name, "" for a list.
func (r *instance) handleProfile(ctx *fasthttp.RequestCtx, name string) {
	if !ctx.IsGet() && !ctx.IsHead() {
		onlyGet(ctx)
		return
	}
	var body bytes.Buffer
	switch name {
	case "":
		profileIndex(&body)
		ctx.SetContentType("text/html; charset=utf-8")
		ctx.Response.Header.Set(fasthttp.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
		ctx.SetBody(body.Bytes())
		return
	case "cmdline":
		ctx.SetContentType("text/plain; charset=utf-8")
		ctx.SetBodyString(strings.Join(os.Args, "\x00"))
		return
	case "profile", "trace":
		begin, end, span := pprof.StartCPUProfile, pprof.StopCPUProfile, profileTime
		if name == "trace" {
			begin, end, span = trace.Start, trace.Stop, traceTime
		}
		span, err := profileSpan(ctx, span)
		if err != nil {
			adminError(ctx, fasthttp.StatusBadRequest, err)
			return
		}
		if err := begin(&body); err != nil {
			adminError(ctx, fasthttp.StatusConflict, err) // another one is being made
			return
		}
		r.profileFor(span)
		end()
	default:
		p := pprof.Lookup(name)
		if p == nil {
			adminError(ctx, fasthttp.StatusNotFound, errors.New("no such profile"))
			return
		}
		if name == "heap" && ctx.QueryArgs().GetUintOrZero("gc") > 0 {
			runtime.GC()
		}
		level := ctx.QueryArgs().GetUintOrZero("debug")
		if err := p.WriteTo(&body, level); err != nil {
			adminError(ctx, fasthttp.StatusInternalServerError, err)
			return
		}
		if level > 0 {
			ctx.SetContentType("text/plain; charset=utf-8")
			ctx.SetBody(body.Bytes())
			return
		}
	}
	ctx.SetContentType("application/octet-stream")
	ctx.Response.Header.Set(fasthttp.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	ctx.SetBody(body.Bytes())
}

// profileSpan is how long to look, which the request gives in seconds.
func profileSpan(ctx *fasthttp.RequestCtx, standard time.Duration) (time.Duration, error) {
	if !ctx.QueryArgs().Has("seconds") {
		return standard, nil
	}
	seconds, err := ctx.QueryArgs().GetUfloat("seconds")
	// Not the other way round, because of what is no number.
	if err != nil || !(seconds > 0 && seconds <= maxProfileTime.Seconds()) {
		return 0, fmt.Errorf("seconds must be a number above 0 and up to %.0f", maxProfileTime.Seconds())
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// profileFor lets time pass, as long as the server runs.
func (r *instance) profileFor(span time.Duration) {
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.ended:
	}
}

// profileIndex lists the profiles.
func profileIndex(out *bytes.Buffer) {
	out.WriteString(`<!doctype html><html lang="en"><meta charset="utf-8">` +
		`<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">` +
		`<title>Profiles</title><h1>Profiles of the parent process</h1><ul>` + "\n")
	all := pprof.Profiles()
	slices.SortFunc(all, func(a, b *pprof.Profile) int { return strings.Compare(a.Name(), b.Name()) })
	for _, p := range all {
		name := html.EscapeString(p.Name())
		fmt.Fprintf(out, "<li><a href=\"%s?debug=1\">%s</a> %d\n", name, name, p.Count())
	}
	out.WriteString(`<li><a href="profile?seconds=5">profile</a> CPU, 5 s` + "\n" +
		`<li><a href="trace?seconds=1">trace</a> execution, 1 s` + "\n" +
		`<li><a href="cmdline">cmdline</a>` + "\n" + `</ul><p><a href="/status">Status</a></p></html>` + "\n")
}

// onlyGet refuses a method that has no meaning for what is only looked at.
func onlyGet(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET, HEAD")
	adminError(ctx, fasthttp.StatusMethodNotAllowed, errors.New("use GET"))
}
