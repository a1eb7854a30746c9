package options

import (
	"slices"
	"strings"
)

// isUNIX reports whether an address is that of a UNIX socket.
func isUNIX(url string) bool {
	scheme, _, _ := strings.Cut(url, "://")
	return strings.HasSuffix(scheme, "+unix")
}

// listeners reports settings for a sort of address of which there is none.
func (r *reading) listeners() {
	none := func(is func(url string) bool) bool { return len(r.Listen) > 0 && !slices.ContainsFunc(r.Listen, is) }
	fcgi := func(url string) bool { return strings.HasPrefix(url, "fcgi") }
	if len(r.WebServer) > 0 {
		if none(fcgi) {
			r.contradict("web_server", "makes no sense without an address for FastCGI", "clients by HTTP are let in by cidr_allow", "listen")
		} else if none(func(url string) bool { return fcgi(url) && !isUNIX(url) }) {
			r.contradict("web_server", "makes no sense if listen has nothing but UNIX sockets for FastCGI", "their clients have no address: see socket_mode", "listen")
		}
	}
	if r.ProxyProtocol && none(func(url string) bool { return !fcgi(url) }) {
		r.contradict("proxy_protocol", "makes no sense if listen has nothing but addresses for FastCGI", "web servers tell who the client is by REMOTE_ADDR", "listen")
	}
	if r.Backlog != 0 && none(func(url string) bool {
		scheme, _, _ := strings.Cut(url, "://")
		return !strings.HasSuffix(scheme, "+fd") && !strings.HasSuffix(scheme, "+systemd")
	}) {
		r.contradict("backlog", "makes no sense if listen has nothing but sockets that listen already", "whoever made them says how many may wait", "listen")
	}
}
