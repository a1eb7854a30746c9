package options

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestSocketPath: the variable of the daemons behind mod_proxy_fcgi is what listen is
// where nothing else says it.
func TestSocketPath(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		environ, args []string
		want          string
		origin        string
	}{
		{nil, nil, "http://127.0.0.1:8080", "default"},
		{[]string{"FCGI_SOCKET_PATH="}, nil, "http://127.0.0.1:8080", "default"},
		{[]string{"FCGI_SOCKET_PATH=:9005"}, nil, "fcgi://:9005", "environment FCGI_SOCKET_PATH"},
		{[]string{"FCGI_SOCKET_PATH=127.0.0.1:9005"}, nil, "fcgi://127.0.0.1:9005", "environment FCGI_SOCKET_PATH"},
		{[]string{"FCGI_SOCKET_PATH=/run/app.sock"}, nil, "fcgi+unix:///run/app.sock", "environment FCGI_SOCKET_PATH"},
		{[]string{"FCGI_SOCKET_PATH=app.sock"}, nil, "fcgi+unix://" + filepath.Join(here, "app.sock"), "environment FCGI_SOCKET_PATH"},
		{[]string{"FCGI_SOCKET_PATH=:9005", "BIDENT_LISTEN=http://:1"}, nil, "http://:1", "environment BIDENT_LISTEN"},
		{[]string{"FCGI_SOCKET_PATH=:9005"}, []string{"--listen", "http://:2"}, "http://:2", "flag --listen"},
	} {
		s, err := Load(c.args, c.environ, os.ReadFile)
		if err != nil {
			t.Errorf("%q: %v", c.environ, err)
			continue
		}
		if !slices.Equal(s.Listen, []string{c.want}) || s.Origin("listen") != c.origin {
			t.Errorf("%q %q: %q by %s", c.environ, c.args, s.Listen, s.Origin("listen"))
		}
	}
	if _, err := Load(nil, []string{"FCGI_SOCKET_PATH=:port"}, os.ReadFile); err == nil {
		t.Error("a port that is none")
	}
}
