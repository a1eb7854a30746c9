package options

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// hostName is a name of at least two labels as in RFC 1123, section 2.1, in lower
// or upper case, with or without the dot of the root.
var hostName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)\.?$`)
})

// certifiedHost checks an item of acme_host: neither of the challenges that the
// server can answer (RFC 8555, section 8.3, and RFC 8737) proves a wildcard or an
// address.
func certifiedHost(v any) fault {
	text := v.(string)
	_, notAddress := netip.ParseAddr(strings.Trim(text, "[]"))
	switch {
	case notAddress == nil:
		return fault{fmt.Sprintf("%q is an address", text), "a host name, such as www.example.com"}
	case strings.HasPrefix(text, "*."):
		return fault{fmt.Sprintf("%q: certificates for wildcards are not obtained by the server", text), "a host name, such as www.example.com"}
	case len(strings.TrimSuffix(text, ".")) > 253 || !hostName().MatchString(text):
		return fault{fmt.Sprintf("%q is not a host name with a domain", text), "such as www.example.com; international names as xn--..."}
	}
	return fault{}
}

// mailAddress checks acme_email.
func mailAddress(v any) fault {
	text := v.(string)
	if a, err := mail.ParseAddress(text); text != "" && (err != nil || a.Address != text) {
		return fault{fmt.Sprintf("%q is not a mail address", text), "such as admin@example.com"}
	}
	return fault{}
}

// directoryURL checks acme_directory.
func directoryURL(v any) fault {
	text := v.(string)
	if u, err := url.Parse(text); text != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return fault{fmt.Sprintf("%q is not an https URL", text), "such as https://ca.example.com/directory"}
	}
	return fault{}
}

// certificates reports settings of TLS that make no sense together. Those that
// have their default are let pass, since Print writes all of them.
func (r *reading) certificates() {
	var https, http string // the first address of the kind
	for _, address := range r.Listen {
		first := &http
		if strings.HasPrefix(address, "https:") {
			first = &https
		}
		if *first == "" {
			*first = address
		}
	}
	certs, keys, hosts := len(r.TLSCert), len(r.TLSKey), len(r.ACMEHost)
	if https != "" && certs == 0 && hosts == 0 {
		r.contradict("listen", fmt.Sprintf("%q needs a certificate", https),
			"tls_cert names a file; with acme_host one is obtained", "tls_cert", "acme_host")
	}
	if keys != 0 && keys != certs {
		r.contradict("tls_key", fmt.Sprintf("the number of keys, %d, is not that of certificates, %d", keys, certs),
			"a key for each tls_cert, in the same order, or none if they are in the same files", "tls_cert")
	}
	if https == "" {
		unused := func(key string) {
			r.contradict(key, "makes no sense without an address for https", "such as https://:443 in listen", "listen")
		}
		if certs > 0 {
			unused("tls_cert")
		}
		if hosts > 0 {
			unused("acme_host")
		}
		if r.TLSMinVersion != defaultTLSVersion {
			unused("tls_min_version")
		}
		if r.RedirectHTTPS {
			unused("redirect_https")
		}
	} else if r.RedirectHTTPS && http == "" {
		r.contradict("redirect_https", "there is no address for http that could redirect", "such as http://:80 in listen", "listen")
	}
	if !r.RedirectHTTPS && r.HTTPSPort != defaultHTTPSPort {
		r.contradict("https_port", "makes no sense without redirect_https", "it is the port that clients are redirected to", "redirect_https")
	}
	r.authority()
}

// authority reports what contradicts obtaining certificates, or not doing so.
func (r *reading) authority() {
	if len(r.ACMEHost) == 0 {
		for _, s := range []struct{ key, text string }{
			{"acme_email", r.ACMEEmail}, {"acme_cache", r.ACMECache}, {"acme_directory", r.ACMEDirectory},
		} {
			if s.text != "" {
				r.contradict(s.key, "makes no sense without acme_host", "acme_host names what certificates are obtained for", "acme_host")
			}
		}
		return
	}
	if r.ACMECache == "" {
		r.contradict("acme_host", "certificates that are obtained need a place to be kept", "acme_cache names a directory", "acme_cache")
	}
	if slot := (r.Accept != "request" && r.Accept != "auto") || r.Accept == "auto" && r.Concurrency > 1; slot && r.Mode == "fork" && len(r.Program) == 0 {
		r.contradict("acme_host", "workers that accept for themselves cannot obtain certificates", "accept request, or tls_cert",
			"accept", "mode", "concurrency", "program")
	}
}
