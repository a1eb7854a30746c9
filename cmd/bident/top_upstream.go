package main

import (
	"fmt"

	"github.com/bident/bident/httpd"
)

// mostUpstreams is how many listeners of a pool's upstreams have a line.
const mostUpstreams = 4

// upstreams are lines of the listeners of a pool's upstreams, those that are down
// first. before is what they were in the frame before, if that is known.
func (v *view) upstreams(list, before []httpd.StatusUpstream) (out []string) {
	earlier := make(map[string]*httpd.StatusUpstream)
	for i := range before {
		earlier[before[i].URL] = &before[i]
	}
	for _, up := range []bool{false, true} {
		for i := range list {
			u := &list[i]
			switch {
			case u.Up != up:
				continue
			case len(out) == mostUpstreams:
				return append(out, v.cut(fmt.Sprintf("... %d upstreams more", len(list)-mostUpstreams)))
			}
			line := v.cut(upstreamLine(u, earlier[u.URL], v.span()))
			if !up {
				line = v.paint(colors['X'], line)
			}
			out = append(out, line)
		}
	}
	return out
}
