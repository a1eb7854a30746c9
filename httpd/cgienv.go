package httpd

import (
	"os"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
)

// cgiPath is the search path of CGI programs if the environment has none.
const cgiPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// absentVariables are those that a request may be without. The server's own
// environment must not give them to a program.
var absentVariables = []string{
	"AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTPS", "PATH_INFO", "PATH_TRANSLATED", "REMOTE_HOST",
	"REMOTE_IDENT", "REMOTE_PORT", "REMOTE_USER", "SCRIPT_FILENAME", "SERVER_ADDR", "DOCUMENT_ROOT",
}

// cgiEnvironment is what the environment of all CGI programs has in common: the
// server's, unless it is cleared, and what was set for them, the last of a name only.
func cgiEnvironment(set []string, cleared bool) []string {
	env := slices.Clone(set)
	if !cleared {
		for _, v := range os.Environ() {
			name := variableName(v)
			// HTTP_PROXY among them: see httpoxy, CVE-2016-5385.
			if !strings.HasPrefix(name, "HTTP_") && !slices.Contains(absentVariables, name) && !saysWhereToListen(v) {
				env = append(env, v)
			}
		}
	}
	env = append(env, cgiPath)
	// Those that were set, the last first, go before those inherited.
	slices.Reverse(env[:len(set)])
	seen := make(map[string]bool)
	return slices.DeleteFunc(env, func(v string) bool {
		name := variableName(v)
		known := seen[name]
		seen[name] = true
		return known
	})
}

func variableName(v string) string {
	name, _, _ := strings.Cut(v, "=")
	return name
}

// cgiScript is a script for one request.
type cgiScript struct {
	path string // of its file, as it finds it
	dir  string // its working directory, "" for that of all
	name string // SCRIPT_NAME
	info string // PATH_INFO
}

// environment is that of a program for one request: the variables of the request,
// and of what all have in common that which they do not name. script is nil if there
// is one program.
func (c *cgi) environment(v *variables, ctx *fasthttp.RequestCtx, m *mount, script *cgiScript) []string {
	env := make([]string, 0, len(c.env)+32)
	seen := make(map[string]bool, 32)
	add := func(name, value string) {
		if !seen[name] {
			env = append(env, name+"="+value)
			seen[name] = true
		}
	}
	if own := m.own(); own != nil {
		for i := range own.names {
			add(string(own.names[i]), string(own.values[i]))
		}
	}
	v.visit(ctx, m, func(name, value []byte) {
		switch string(name) {
		case "SCRIPT_NAME", "PATH_INFO", "SCRIPT_FILENAME", "PATH_TRANSLATED":
			if script != nil {
				return
			}
		}
		add(string(name), string(value))
	})
	switch {
	case script != nil:
		add("SCRIPT_NAME", script.name)
		add("SCRIPT_FILENAME", script.path)
		if script.info != "" {
			add("PATH_INFO", script.info)
			if len(m.root) > 0 { // RFC 3875, section 4.1.6
				add("PATH_TRANSLATED", strings.TrimSuffix(string(m.root), "/")+script.info)
			}
		}
	case !seen["SCRIPT_FILENAME"] && !runsPHP(c.args): // which would print itself
		add("SCRIPT_FILENAME", c.launcher.Path())
	}
	for _, v := range c.env {
		if !seen[variableName(v)] {
			env = append(env, v)
		}
	}
	return env
}
