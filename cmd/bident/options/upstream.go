package options

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// upstreams reports what contradicts having upstreams, or not having any.
func (r *reading) upstreams(program bool) {
	if len(r.Upstream) == 0 {
		if d, _ := ParseDuration(defaultUpstreamKeep); r.UpstreamKeep != d {
			r.contradict("upstream_keep", "makes no sense without upstream", "it is for the connections to one", "upstream")
		}
		return
	}
	if program {
		r.contradict("upstream", "an upstream and a program are given, but only one can answer",
			"leave out one of them: an upstream's processes are started by somebody else", "program")
	}
	if r.App != "" {
		r.contradict("app", "an application and an upstream are given, but only one can be served", "leave out one of them", "upstream")
	}
	if r.DemoFaults {
		r.contradict("demo_faults", "makes no sense with an upstream", "it is a setting of the demo", "upstream")
	}
	if r.Mode == "fork" && !program {
		r.contradict("mode", "fork makes no sense with an upstream",
			"its processes are started by somebody else: mode emulate", "upstream")
	}
}

const upstreamExample = "such as fcgi://127.0.0.1:9000 or fcgi+unix:///run/php/php-fpm.sock"

// upstreamURL checks an item of upstream.
func upstreamURL(v any) fault {
	text := v.(string)
	scheme, rest, ok := strings.Cut(text, "://")
	switch {
	case !ok:
		return fault{fmt.Sprintf("%q is not a URL", text), upstreamExample}
	case scheme == "fcgi":
		rest = strings.TrimSuffix(rest, "/")
		if f := address(text, rest); f.what != "" {
			return fault{f.what, upstreamExample}
		}
		host, port, _ := net.SplitHostPort(rest)
		if n, err := strconv.Atoi(port); host == "" || err == nil && n == 0 {
			return fault{fmt.Sprintf("%q needs a host and a port to connect to", text), upstreamExample}
		}
	case scheme == "fcgi+unix":
		if !filepath.IsAbs(rest) || rest == "/" {
			return fault{fmt.Sprintf("%q has no absolute path", text), upstreamExample + ", with three slashes"}
		}
	default:
		return fault{fmt.Sprintf("%q has an unknown scheme", text), upstreamExample}
	}
	return fault{}
}
