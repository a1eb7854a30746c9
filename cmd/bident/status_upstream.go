package main

import (
	"fmt"
	"io"
	"time"

	"github.com/bident/bident/httpd"
)

// writeUpstreams prints a line for each listener of a pool's upstreams.
func writeUpstreams(out io.Writer, list []httpd.StatusUpstream) {
	for i := range list {
		fmt.Fprintln(out, upstreamLine(&list[i], nil, 0))
	}
}

// upstreamLine is the state of a listener of an upstream, and how fast requests are
// sent to it if it is known what it was before, that long ago.
func upstreamLine(u, before *httpd.StatusUpstream, span time.Duration) string {
	state, rate := "up", ""
	if !u.Up {
		state = "DOWN"
	}
	if before != nil {
		rate = fmt.Sprintf(" (%s/s)", perSecond(u.Requests-before.Requests, span))
	}
	return fmt.Sprintf("upstream %s  %s  requests %d%s  connections %d  idle %d  opened %d  failures %d  retries %d  errors %d",
		u.URL, state, u.Requests, rate, u.Connections, u.Idle, u.Opened, u.Failures, u.Retries, u.Errors)
}
