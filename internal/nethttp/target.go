package nethttp

import (
	"net/http"
	"net/url"
	"strings"
)

// plain are the octets that mean themselves in a path, whatever reads it: RFC 3986's
// unreserved characters and the slash.
var plain = func() (t [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/" {
		t[c] = true
	}
	return t
}()

// parsePath makes u from a target in origin form whose path has nothing to decode,
// which nearly all have. It reports false, and leaves u alone, if that is not so.
func parsePath(u *url.URL, target string) bool {
	if target == "" || target[0] != '/' {
		return false
	}
	end := 1
	for end < len(target) && plain[target[end]] {
		end++
	}
	if end == len(target) {
		u.Path = target
		return true
	}
	if target[end] != '?' {
		return false
	}
	query := target[end+1:]
	for i := range len(query) {
		if query[i] <= ' ' || query[i] >= 0x7f {
			return false
		}
	}
	u.Path, u.RawQuery = target[:end], query
	u.ForceQuery = query == ""
	return true
}

// parseTarget reads a target as net/http does (RFC 9112, section 3.2).
func parseTarget(method, target string) (*url.URL, error) {
	if method != http.MethodConnect || strings.HasPrefix(target, "/") {
		return url.ParseRequestURI(target)
	}
	// Authority form: host and port alone.
	u, err := url.ParseRequestURI("http://" + target)
	if err != nil {
		return nil, err
	}
	u.Scheme = ""
	return u, nil
}
