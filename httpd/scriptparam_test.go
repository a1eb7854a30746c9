//go:build unix

package httpd_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

var ownParams = []string{"GITWEB_CONFIG=/etc/gitweb.conf", "QUERY_STRING=theirs", "EMPTY=first", "EMPTY=", "HTTP_PROXY=a=b $c", "SCRIPT_FILENAME=/x"}

// lacksOwn are the lines that a program has not said of the parameters above, or has
// said more than once.
func lacksOwn(text string) (lines []string) {
	for _, line := range []string{"GITWEB_CONFIG=/etc/gitweb.conf", "QUERY_STRING=theirs", "EMPTY=", "HTTP_PROXY=a=b $c", "SCRIPT_FILENAME=/x"} {
		name, _, _ := strings.Cut(line, "=")
		if text = "\n" + text; !strings.Contains(text, "\n"+line+"\n") || strings.Count(text, "\n"+name+"=") != 1 {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestParams: every program gets the parameters of the configuration, once, whatever
// the request says.
func TestParams(t *testing.T) {
	root := site(t, sources)
	for name, h := range map[string]*httpd.Scripts{
		"mounted": {Params: ownParams}, "root": {Root: root, Params: ownParams}, "script": {Script: filepath.Join(root, "app.php"), Params: ownParams},
	} {
		s := startScripts(t, h)
		c := newClient(t, s.url)
		for range 2 {
			if text := c.must(t, "/app.php/x?q"); lacksOwn(text) != nil {
				t.Errorf("%s: without %q: %s", name, lacksOwn(text), text)
			}
		}
		s = startScripts(t, h, func(s *httpd.Server) { s.Listen = []string{"fcgi://127.0.0.1:0"} })
		a := dialFCGI(t, s.url).do(params("GET", "/app.php", 0, variable{"GITWEB_CONFIG", "other"}, variable{"EMPTY", "not"}), nil)
		if lacksOwn(a.body) != nil {
			t.Errorf("%s, by FastCGI: without %q: %s", name, lacksOwn(a.body), a.body)
		}
	}
	s := serveCGI(t, &httpd.Scripts{Handler: httpd.CGI("sh", "-c", "echo Content-Type: text/plain; echo; env"), Params: ownParams}, pool.Config{}, func(s *httpd.Server) {
		s.Env = []string{"EMPTY=env", "GITWEB_CONFIG=env"}
	})
	if text := newClient(t, s.url).must(t, "/x"); lacksOwn(text) != nil {
		t.Errorf("CGI: without %q: %s", lacksOwn(text), text)
	}
}

func TestParamsProblems(t *testing.T) {
	for _, one := range []string{"", "A", "A-B=1", "1A=1", "=1", "A=\x00", "CONTENT_LENGTH=1"} {
		s := &httpd.Server{Handler: &httpd.Scripts{Handler: httpd.Program("x"), Params: []string{one}}}
		if err := s.Validate(); !errors.Is(err, httpd.ErrConfig) || !strings.Contains(err.Error(), "Params") {
			t.Errorf("%q: %v", one, err)
		}
	}
	for _, h := range []*httpd.Scripts{
		{Handler: httpd.Program("perl"), Extensions: []string{".php"}}, {Handler: httpd.Program("php-cgi"), Extensions: []string{""}},
		{Handler: httpd.Program("php-cgi"), Extensions: []string{".php"}, Root: t.TempDir()},
	} {
		if err := (&httpd.Server{Handler: h}).Validate(); !errors.Is(err, httpd.ErrConfig) {
			t.Errorf("%+v: %v", h, err)
		}
	}
}
