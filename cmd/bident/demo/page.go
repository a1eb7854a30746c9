package demo

import (
	"fmt"
	"html"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
)

// link is a line of the index page.
type link struct{ path, text string }

var links = []link{
	{"/hello", "a line"},
	{"/echo", "the request's body and its type"},
	{"/digest", "method, length and SHA-1 of the request's body"},
	{"/env", "all CGI variables"},
	{"/envsum?prefix=HTTP_", "number, size and SHA-1 of CGI variables"},
	{"/status?c=404", "a status"},
	{"/redirect?to=/hello&c=302", "a redirection"},
	{"/stream?n=5&ms=200&sz=0", "pieces, one after another"},
	{"/bytes?n=1000", "octets 0, 1, ... 250, 0, 1, ..."},
	{"/headers?n=10&sz=20", "header fields"},
	{"/cookies", "two cookies"},
	{"/stderr?msg=hello", "a message to the error stream"},
	{"/pid", "the worker's id and its number of requests"},
	{"/sendfile?path=/hello&h=X-Accel-Redirect", "a file, sent by the web server in front"},
	{"/sleep?ms=100", "waiting"},
	{"/cpu?ms=100", "computing"},
	{"/alloc?kb=1024", "memory that is dropped"},
	{"/leak?kb=1024", "memory that is kept for the life of the worker"},
}

var faultLinks = []link{
	{"/panic", "a handler that panics"},
	{"/exit?c=3", "os.Exit"},
	{"/crash?how=goroutine", "a panic in another goroutine"},
	{"/hang", "a handler that never returns"},
}

// index is the page at "/". Its text is ours; only the "&" in links needs
// escaping.
func index(ctx *fasthttp.RequestCtx, faults bool) {
	w := httpd.WorkerOf(ctx)
	ctx.Response.Header.SetContentType("text/html; charset=utf-8")
	fmt.Fprintf(ctx, `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Bident demonstration</title></head>
<body>
<h1>Bident</h1>
<p>Worker %d in slot %d, mode %s, generation %d.</p>
<p>This child has served %d requests.</p>
`, w.PID, w.Slot, w.Mode, w.Generation, w.Served)
	list(ctx, links)
	if faults {
		fmt.Fprint(ctx, "<p>These break something:</p>\n")
		list(ctx, faultLinks)
	}
	fmt.Fprint(ctx, "</body>\n</html>\n")
}

func list(ctx *fasthttp.RequestCtx, links []link) {
	fmt.Fprint(ctx, "<ul>\n")
	for _, l := range links {
		path := html.EscapeString(l.path)
		fmt.Fprintf(ctx, "<li><a href=\"%s\">%s</a> %s</li>\n", path, path, l.text)
	}
	fmt.Fprint(ctx, "</ul>\n")
}
