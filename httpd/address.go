package httpd

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// address is one place to listen at.
type address struct {
	network string // "tcp" or "unix"
	address string // "host:port", or a path
	secure  bool   // TLS
}

// parseAddress reads a listen URL: http://host:port, https://host:port or
// http+unix:///path.
func parseAddress(s string) (address, error) {
	fail := func(format string, args ...any) (address, error) {
		return address{}, fmt.Errorf("listen %q: %s", s, fmt.Sprintf(format, args...))
	}
	const forms = "use http://host:port, https://host:port or http+unix:///path"
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" {
		return fail("is no URL; %s", forms)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Opaque != "" {
		return fail("only host and port, or a path; %s", forms)
	}
	switch u.Scheme {
	case "http", "https":
		if u.Path != "" && u.Path != "/" {
			return fail("a path makes no sense here; %s", forms)
		}
		host, port, err := net.SplitHostPort(u.Host)
		if err != nil {
			return fail("needs a host and a port, such as http://127.0.0.1:8080")
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return fail("port %q is not between 0 and 65535", port)
		}
		return address{"tcp", net.JoinHostPort(host, port), u.Scheme == "https"}, nil
	case "http+unix":
		if u.Host != "" || !filepath.IsAbs(u.Path) {
			return fail("needs an absolute path, such as http+unix:///run/bident.sock")
		}
		if strings.IndexByte(u.Path, 0) >= 0 {
			return fail("no path holds the character NUL")
		}
		return address{"unix", u.Path, false}, nil
	case "fcgi", "fcgi+unix", "http+fd", "fcgi+fd", "http+systemd":
		return fail("%s is not available in this version; %s", u.Scheme, forms)
	}
	return fail("scheme %q is unknown; %s", u.Scheme, forms)
}

// addressURL is the URL of a bound address.
func addressURL(a net.Addr, secure bool) string {
	switch {
	case a.Network() == "unix":
		return "http+unix://" + a.String()
	case secure:
		return "https://" + a.String()
	}
	return "http://" + a.String()
}
