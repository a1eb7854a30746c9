package main

import (
	"bytes"
	"testing"
)

// TestLoadProblems: what is wrong with a command line is told by its flags, a line for
// each, before anything is sent.
func TestLoadProblems(t *testing.T) {
	const forms = "http://host:port/path, http+unix:///path/to.sock, or the same with fcgi"
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 64, "load needs one URL, such as http://127.0.0.1:8080/hello or fcgi://127.0.0.1:9005/hello"},
		{[]string{"fcgi://"}, 64, "load: URL: fcgi:// has no host; " + forms},
		{[]string{"fcgi://localhost/x"}, 64, `load: URL: "fcgi://localhost/x" has no port, and FastCGI has none of its own; such as fcgi://localhost:9005/`},
		{[]string{"fcgi://localhost:99999"}, 64, "load: URL: port 99999 is not in 1..65535"},
		{[]string{"fcgi:9005"}, 64, `load: URL: "fcgi:9005" is none; ` + forms},
		{[]string{"127.0.0.1:9005"}, 64, `load: URL: "127.0.0.1:9005" is none; ` + forms},
		{[]string{"/run/app.sock"}, 64, `load: URL: "/run/app.sock" has no scheme; ` + forms},
		{[]string{"fcgi+unix://run/app.sock"}, 64, "load: URL: fcgi+unix takes an absolute path: fcgi+unix:///run/app.sock"},
		{[]string{"--param=X", "--header=bad", "--pipeline=2", "--connections=-1", "fcgi://h:1"}, 64,
			"load: --pipeline: a FastCGI connection carries one request at a time\n" +
				`bident: load: --param: "X" is not "NAME=value"` + "\n" +
				`bident: load: --header: "bad" is not "Name: value"` + "\n" +
				"bident: load: --connections: -1 is not in 1..65536"},
		{[]string{"--target=foo", "fcgi+unix:///x"}, 64, `load: the target "foo" does not begin with /`},
		{[]string{"--expect-status=20", "--timeout=90", "fcgi://h:1"}, 64,
			"load: --timeout: 1m30s is not in 0..1m0s\nbident: load: --expect-status: 20 is no final status (200..599)"},
		{[]string{"--duration=1x", "fcgi://h:1"}, 64, `load: invalid value "1x" for flag --duration: "1x" is not a duration such as 30s, 5m or 1h`},
		{[]string{"--bogus", "fcgi://h:1"}, 64, "load: flag provided but not defined: --bogus"},
	} {
		var out, errs bytes.Buffer
		if code := loadCommand(c.args, &out, &errs); code != c.code || errs.String() != "bident: "+c.want+"\n" || out.Len() > 0 {
			t.Errorf("%q: status %d\n%swant %d\nbident: %s", c.args, code, &errs, c.code, c.want)
		}
	}
}
