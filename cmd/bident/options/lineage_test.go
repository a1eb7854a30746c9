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
		{[]string{"FCGI_SOCKET_PATH=./9005"}, nil, "fcgi+unix://" + filepath.Join(here, "9005"), "environment FCGI_SOCKET_PATH"},
		{[]string{"FCGI_SOCKET_PATH=/tmp/a:1"}, nil, "fcgi+unix:///tmp/a:1", "environment FCGI_SOCKET_PATH"},
		{[]string{"FCGI_LISTENSOCK_FILENO=0"}, nil, "fcgi+fd://0", "environment FCGI_LISTENSOCK_FILENO"},
		{[]string{"FCGI_LISTENSOCK_FILENO=0", "FCGI_SOCKET_PATH=:1"}, nil, "fcgi://:1", "environment FCGI_SOCKET_PATH"},
		{[]string{"FCGI_LISTENSOCK_FILENO=0", "BIDENT_LISTEN=http://:1"}, nil, "http://:1", "environment BIDENT_LISTEN"},
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
	_, err = Load(nil, []string{"FCGI_SOCKET_PATH=9005"}, os.ReadFile)
	const want = `FCGI_SOCKET_PATH: "9005" is neither a port nor a path (:9005 for the port, ./9005 for a UNIX socket)`
	if err == nil || err.Error() != want {
		t.Errorf("a bare number: %v, not %s", err, want)
	}
}
