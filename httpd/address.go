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
	fcgi    bool   // FastCGI, not HTTP
}

// The networks of sockets that listen already when the program starts.
const (
	networkFD      = "fd"      // the address is the number of a descriptor
	networkSystemd = "systemd" // it is a name of LISTEN_FDNAMES
)

// parseAddress reads a listen URL.
func parseAddress(s string) (address, error) {
	fail := func(format string, args ...any) (address, error) {
		return address{}, fmt.Errorf("listen %q: %s", s, fmt.Sprintf(format, args...))
	}
	const forms = "use http://host:port, https://host:port, http+unix:///path, http+fd://3 or http+systemd://NAME, with fcgi for http where it is FastCGI"
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" {
		return fail("is no URL; %s", forms)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Opaque != "" {
		return fail("only host and port, or a path; %s", forms)
	}
	scheme, fcgi := u.Scheme, false
	if rest, ok := strings.CutPrefix(scheme, "fcgi"); ok {
		scheme, fcgi = "http"+rest, true
	}
	switch scheme {
	case "https":
		if fcgi {
			break // "fcgis" is none
		}
		fallthrough
	case "http":
		if u.Path != "" && u.Path != "/" {
			return fail("a path makes no sense here; %s", forms)
		}
		host, port, err := net.SplitHostPort(u.Host)
		if err != nil {
			return fail("needs a host and a port, such as %s://127.0.0.1:8080", u.Scheme)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return fail("port %q is not between 0 and 65535", port)
		}
		return address{"tcp", net.JoinHostPort(host, port), scheme == "https", fcgi}, nil
	case "http+unix":
		if u.Host != "" || !filepath.IsAbs(u.Path) {
			return fail("needs an absolute path, such as %s:///run/bident.sock", u.Scheme)
		}
		if strings.IndexByte(u.Path, 0) >= 0 {
			return fail("no path holds the character NUL")
		}
		return address{"unix", u.Path, false, fcgi}, nil
	case "http+fd":
		n, err := strconv.ParseUint(u.Host, 10, 16)
		if err != nil || u.Path != "" {
			return fail("needs the number of a descriptor, such as %s://0", u.Scheme)
		}
		return address{networkFD, strconv.FormatUint(n, 10), false, fcgi}, nil
	case "http+systemd":
		if u.Host == "" || u.Path != "" {
			return fail("needs a name of LISTEN_FDNAMES, such as %s://web", u.Scheme)
		}
		return address{networkSystemd, u.Host, false, fcgi}, nil
	}
	return fail("scheme %q is unknown; %s", u.Scheme, forms)
}

// addressURL is the URL of a bound address.
func addressURL(bound net.Addr, a address) string {
	scheme := "http"
	if a.fcgi {
		scheme = "fcgi"
	}
	switch {
	case bound.Network() == "unix":
		scheme += "+unix"
	case a.secure:
		scheme = "https"
	}
	return scheme + "://" + bound.String()
}
