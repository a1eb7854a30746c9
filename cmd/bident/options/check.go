package options

import (
	"errors"
	"fmt"
	"net"
	"path"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// check looks at one value that its type accepts; for lists, at one item.
type check func(value any) fault

// atLeast limits whole numbers from below.
func atLeast(least int) check {
	return func(v any) fault {
		if v.(int) < least {
			return fault{fmt.Sprintf("%d is too small", v), fmt.Sprintf("at least %d", least)}
		}
		return fault{}
	}
}

// sizeFrom limits sizes from below and, if most is not 0, from above.
func sizeFrom(least, most int64) check {
	return func(v any) fault {
		switch n := v.(int64); {
		case n < least:
			return fault{formatSize(n) + " is too small", "at least " + formatSize(least)}
		case most != 0 && n > most:
			return fault{formatSize(n) + " is too large", "at most " + formatSize(most)}
		}
		return fault{}
	}
}

// between limits whole numbers from both sides.
func between(least, most int) check {
	return func(v any) fault {
		if n := v.(int); n < least || n > most {
			return fault{fmt.Sprintf("%d is out of range", n), fmt.Sprintf("%d to %d", least, most)}
		}
		return fault{}
	}
}

// servers checks max_servers. 0, FCGI::ProcManager's way to say "serve in this
// process, unmanaged", is not built yet.
func servers(v any) fault {
	if v.(int) == 0 {
		return fault{"0, serving without workers, is " + notAvailable, "at least 1"}
	}
	return atLeast(1)(v)
}

// oneOf accepts the names listed.
func oneOf(names []string) check {
	return func(v any) fault {
		if name := v.(string); !slices.Contains(names, name) {
			return fault{fmt.Sprintf("%q is not one of its values", name), either(names)}
		}
		return fault{}
	}
}

// either returns "a, b or c".
func either(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// assignment checks an item of env.
func assignment(v any) fault {
	if name, _, ok := strings.Cut(v.(string), "="); !ok || name == "" {
		return fault{fmt.Sprintf("%q is not an assignment", v), "such as NAME=value"}
	}
	return fault{}
}

// fileName checks an item of tls_cert.
func fileName(v any) fault {
	if v.(string) == "" {
		return fault{"the name of the file is empty", ""}
	}
	return fault{}
}

// plainName checks an item of index, which stands in a directory of its own.
func plainName(v any) fault {
	switch name := v.(string); {
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, `/\`):
		return fault{fmt.Sprintf("%q is not the name of a file without its directory", name), "such as index.html"}
	default:
		return fault{}
	}
}

// nameEnd checks an item of limit_extensions.
func nameEnd(v any) fault {
	if text := v.(string); text == "" || strings.ContainsAny(text, "/ \t") {
		return fault{fmt.Sprintf("%q is not the end of the name of a file", text), "such as .php"}
	}
	return fault{}
}

// directoryName checks an item of sendfile_root.
func directoryName(v any) fault {
	if v.(string) == "" {
		return fault{"the name of the directory is empty", ""}
	}
	return fault{}
}

// regularExpression checks match.
func regularExpression(v any) fault {
	_, err := regexp.Compile(v.(string))
	var bad *syntax.Error
	if errors.As(err, &bad) {
		return fault{fmt.Sprintf("%q is no regular expression: %s: %q", v, bad.Code, bad.Expr), `such as ^/app/ or \.php$`}
	}
	return fault{}
}

// urlPath checks fallback.
func urlPath(v any) fault {
	text := v.(string)
	if text == "" || text != "/" && text[0] == '/' && path.Clean(text) == text {
		return fault{}
	}
	return fault{fmt.Sprintf("%q is not the path of a file below root", text), "such as /index.php"}
}

// urlDirectory checks cgi_prefix.
func urlDirectory(v any) fault {
	text := v.(string)
	if text == "/" || strings.HasPrefix(text, "/") && path.Clean(text)+"/" == text {
		return fault{}
	}
	return fault{fmt.Sprintf("%q is not a path that begins and ends with a slash", text), "such as /cgi-bin/"}
}

// urlExample are addresses of the kind that the text was to be.
func urlExample(text string) string {
	if strings.HasPrefix(text, "fcgi") {
		return "such as fcgi://127.0.0.1:9005 or fcgi+unix:///run/bident.sock"
	}
	return "such as http://127.0.0.1:8080 or http+unix:///run/bident.sock"
}

// listenURL checks an item of listen.
func listenURL(v any) fault {
	text := v.(string)
	scheme, rest, ok := strings.Cut(text, "://")
	switch {
	case !ok && text != "" && strings.Trim(text, "0123456789") == "":
		// Net::Server's listen is what is called backlog here.
		return fault{fmt.Sprintf("%q is not a URL", text), "such as http://127.0.0.1:8080; the length of the kernel's queue is called backlog"}
	case !ok:
		hint, host := urlExample(text), strings.TrimRight(text, ":0123456789")
		if address("", text).what == "" && host != "http" && host != "https" && host != "fcgi" {
			hint = fmt.Sprintf("http://%s, or fcgi://%[1]s for FastCGI", text)
		}
		return fault{fmt.Sprintf("%q is not a URL", text), hint}
	case scheme == "http" || scheme == "https" || scheme == "fcgi":
		return address(text, strings.TrimSuffix(rest, "/"))
	case scheme == "http+unix" || scheme == "fcgi+unix":
		if !strings.HasPrefix(rest, "/") || rest == "/" {
			return fault{fmt.Sprintf("%q has no absolute path", text), fmt.Sprintf("such as %s:///run/bident.sock, with three slashes", scheme)}
		}
		return fault{}
	case scheme == "http+fd" || scheme == "fcgi+fd":
		if _, err := strconv.ParseUint(rest, 10, 16); err != nil {
			return fault{fmt.Sprintf("%q: %q is not the number of a descriptor", text, rest), fmt.Sprintf("such as %s://0", scheme)}
		}
		return fault{}
	case scheme == "http+systemd" || scheme == "fcgi+systemd":
		if rest == "" || strings.ContainsAny(rest, "/:?#@% ") {
			return fault{fmt.Sprintf("%q: %q is not the name of a socket", text, rest), fmt.Sprintf("such as %s://web, one of LISTEN_FDNAMES", scheme)}
		}
		return fault{}
	default:
		return fault{fmt.Sprintf("%q has an unknown scheme", text), urlExample(text)}
	}
}

// address checks the host:port part of a URL.
func address(text, hostport string) fault {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return fault{fmt.Sprintf("%q has no port", text), urlExample(text)}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fault{fmt.Sprintf("%q: the port %q is not a number from 0 to 65535", text, port), urlExample(text)}
	}
	if strings.ContainsAny(host, " /?#@\t\r\n") {
		return fault{fmt.Sprintf("%q: %q is not a host", text, host), urlExample(text)}
	}
	return fault{}
}

// adminURL checks admin.
func adminURL(v any) fault {
	switch v.(string) {
	case "", "off":
		return fault{}
	}
	const forms = "http+unix:///path, http://127.0.0.1:port or off"
	if f := listenURL(v); f.what != "" {
		return fault{f.what, forms}
	}
	switch scheme, _, _ := strings.Cut(v.(string), "://"); {
	case strings.HasPrefix(scheme, "fcgi"), strings.HasSuffix(scheme, "+fd"), strings.HasSuffix(scheme, "+systemd"):
		return fault{fmt.Sprintf("%q: status and ctl speak HTTP, at an address of their own", v), forms}
	case scheme == "https":
		return fault{fmt.Sprintf("%q: status and ctl do not reach the server by https", v), forms}
	}
	return fault{}
}
