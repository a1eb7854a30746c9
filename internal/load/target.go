package load

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// destination is where to connect and what to ask for there.
type destination struct {
	network string // tcp or unix
	address string // host:port, or the path of the socket
	host    string // the Host field
	target  string // the request target
	fastCGI bool   // and not HTTP
}

// forms are the URLs that there are, for those who have given another one.
const forms = "http://host:port/path, http+unix:///path/to.sock, or the same with fcgi"

// destination reads URL and Target.
func (c Config) destination() (destination, error) {
	var d destination
	u, err := url.Parse(c.URL)
	if err != nil || u.Opaque != "" {
		return d, fmt.Errorf("URL: %q is none; %s", c.URL, forms)
	}
	switch u.Scheme {
	case "http", "fcgi":
		err = d.readTCP(u, c.Target)
	case "http+unix", "fcgi+unix":
		err = d.readUnix(u, c.Target)
	case "https":
		err = errors.New("URL: https is not spoken; measure the plain listener")
	case "":
		err = fmt.Errorf("URL: %q has no scheme; %s", c.URL, forms)
	default:
		err = fmt.Errorf("URL: scheme %q is unknown; %s", u.Scheme, forms)
	}
	if err != nil {
		return d, err
	}
	d.fastCGI = strings.HasPrefix(u.Scheme, "fcgi")
	return d, checkTarget(d.target, c.Method)
}

func (d *destination) readTCP(u *url.URL, target string) error {
	if u.User != nil || u.Fragment != "" {
		return errors.New("URL: neither user nor fragment can be sent")
	}
	host, port := u.Hostname(), u.Port()
	if host == "" {
		return fmt.Errorf("URL: %s:// has no host; %s", u.Scheme, forms)
	}
	if port == "" {
		if u.Scheme == "fcgi" {
			return fmt.Errorf("URL: %q has no port, and FastCGI has none of its own; such as fcgi://%s:9005/", u, u.Host)
		}
		port = "80"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("URL: port %s is not in 1..65535", port)
	}
	d.network, d.address, d.host = "tcp", net.JoinHostPort(host, port), u.Host
	given := u.RequestURI()
	switch {
	case target == "":
		d.target = given
	case given != "/":
		return fmt.Errorf("the target %q is given, and the URL has %q already", target, given)
	default:
		d.target = target
	}
	return nil
}

func (d *destination) readUnix(u *url.URL, target string) error {
	if u.Host != "" {
		return fmt.Errorf("URL: %s takes an absolute path: %[1]s:///%s%s", u.Scheme, u.Host, u.Path)
	}
	if u.Path == "" || u.Path == "/" {
		return fmt.Errorf("URL: %s needs the path of a socket; such as %[1]s:///run/bident.sock", u.Scheme)
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("URL: %s has no room for a query; it belongs to the target", u.Scheme)
	}
	d.network, d.address, d.host, d.target = "unix", u.Path, "localhost", target
	if target == "" {
		d.target = "/"
	}
	return nil
}

// checkTarget accepts the origin-form, and the asterisk-form with OPTIONS
// (RFC 9112 section 3.2).
func checkTarget(target, method string) error {
	if target == "*" && method == "OPTIONS" {
		return nil
	}
	if !strings.HasPrefix(target, "/") {
		return fmt.Errorf("the target %q does not begin with /", target)
	}
	for i := 0; i < len(target); i++ {
		if target[i] <= ' ' || target[i] >= 0x7f || target[i] == '#' {
			return fmt.Errorf("the target %q has an octet that must be percent-encoded", target)
		}
	}
	return nil
}
