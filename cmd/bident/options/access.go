package options

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"strings"
)

// expression checks an item of allow or deny. Networks, which are no mistake of
// syntax there, but match no address, belong under the key cidr.
func expression(cidr string) check {
	return func(v any) fault {
		text := v.(string)
		if text == "" {
			return fault{"an empty expression matches nothing", "leave it out, or write .* for everybody"}
		}
		if p, err := netip.ParsePrefix(text); err == nil {
			return fault{fmt.Sprintf("%q is a network, not a regular expression", text), fmt.Sprintf("write it under %s, as %s", cidr, p.Masked())}
		}
		for _, e := range []string{text, "(?i)" + text} { // letter case will not count
			if _, err := regexp.Compile(e); err != nil {
				return fault{fmt.Sprintf("%q is not a regular expression: %s", text, reason(err)),
					`such as 192\.0\.2\..* or .*\.example\.com, in the syntax of RE2`}
			}
		}
		return fault{}
	}
}

// reason is what is wrong with an expression, without the expression.
func reason(err error) string {
	var e *syntax.Error
	if errors.As(err, &e) {
		return e.Code.String()
	}
	return oneLine(err.Error())
}

const networkExample = "such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32"

// webServer checks an item of web_server.
func webServer(v any) fault {
	if a, err := netip.ParseAddr(v.(string)); err != nil || a.Zone() != "" {
		return fault{fmt.Sprintf("%q is not an address", v), "such as 127.0.0.1 or ::1"}
	}
	return fault{}
}

// network checks an item of cidr_allow or cidr_deny: a network, or an address,
// which is a network of its own.
func network(v any) fault {
	text := v.(string)
	if strings.Contains(text, "%") {
		return fault{fmt.Sprintf("%q has a zone, which does not count", text), networkExample}
	}
	if strings.Contains(text, "/") {
		if _, err := netip.ParsePrefix(text); err != nil {
			return fault{fmt.Sprintf("%q is not a network", text), networkExample}
		}
		return fault{}
	}
	if _, err := netip.ParseAddr(text); err != nil {
		return fault{fmt.Sprintf("%q is neither a network nor an address", text), networkExample}
	}
	return fault{}
}

// fieldForwarded is the item of trusted_proxy that names no proxy, but the field
// in which they tell of their clients.
const fieldForwarded = "forwarded"

// proxy checks an item of trusted_proxy.
func proxy(v any) fault {
	switch v.(string) {
	case "unix", "loopback", "private", fieldForwarded:
		return fault{}
	}
	f := network(v)
	if f.what != "" {
		f.hint = networkExample[:strings.Index(networkExample, " or ")] + ", loopback, private, unix or forwarded"
	}
	return f
}

// openRepetition and restOfRepetition are the halves of {3,5} or {3,} beside the
// comma.
var (
	openRepetition   = regexp.MustCompile(`\{[0-9]+$`)
	restOfRepetition = regexp.MustCompile(`^[0-9]*\}`)
)

// splitList separates the items of a list in a variable. The comma of a
// repetition in an expression separates nothing: both halves would be
// expressions, which match nobody.
func splitList(text string, expressions bool) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if last := len(items) - 1; expressions && last >= 0 && openRepetition.MatchString(items[last]) && restOfRepetition.MatchString(item) {
			items[last] += "," + item
			continue
		}
		items = append(items, item)
	}
	return items
}

// access reports settings of access and its log that make no sense together.
func (r *reading) access() {
	proxies := 0
	for _, p := range r.TrustedProxy {
		if p != fieldForwarded {
			proxies++
		}
	}
	if proxies == 0 && len(r.TrustedProxy) > 0 {
		r.contradict("trusted_proxy", "forwarded names the field that proxies write, but no proxy", "an address, a network, loopback, private or unix as well")
	} else if proxies == 0 && r.ProxyProtocol {
		r.contradict("proxy_protocol", "there is no proxy whose word is taken", "trusted_proxy names them", "trusted_proxy")
	}
	if r.AccessLog == "" && r.AccessLogFormat != defaultLogFormat {
		r.contradict("access_log_format", "there is no access log", "access_log names its file", "access_log")
	}
}
