package httpd_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestProgramEnvironment: what a program inherits, and what not.
func TestProgramEnvironment(t *testing.T) {
	t.Setenv("FCGI_SOCKET_PATH", "/run/the-server")
	t.Setenv("FCGI_LISTEN_QUEUE", "9")
	t.Setenv("FCGI_LISTENSOCK_FILENO", "0")
	t.Setenv("PHP_FCGI_CHILDREN", "3")
	t.Setenv("INHERITED", "yes")
	for _, c := range []struct {
		name  string
		clear bool
		env   []string
		want  []string // sorted
	}{
		{"inherited", false, nil, []string{"INHERITED=yes", "PHP_FCGI_CHILDREN=0", "PHP_FCGI_MAX_REQUESTS=0"}},
		{"cleared", true, nil, []string{"PHP_FCGI_CHILDREN=0", "PHP_FCGI_MAX_REQUESTS=0"}},
		{"set", false, []string{"FCGI_SOCKET_PATH=/no", "FCGI_SOCKET_PATH=/its", "FCGI_LISTEN_QUEUE=8", "PHP_FCGI_CHILDREN=2"},
			[]string{"FCGI_LISTEN_QUEUE=8", "FCGI_SOCKET_PATH=/its", "INHERITED=yes", "PHP_FCGI_CHILDREN=2", "PHP_FCGI_MAX_REQUESTS=0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, kinds[4].with(func(s *httpd.Server) {
				s.Env, s.ClearEnv = append(s.Env, c.env...), c.clear
			}), pool.Config{MaxServers: 1})
			pid, _ := newClient(t, s.url).pid(t)
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
			got = slices.DeleteFunc(got, func(v string) bool {
				return !strings.HasPrefix(v, "FCGI_") && !strings.HasPrefix(v, "PHP_FCGI_") && !strings.HasPrefix(v, "INHERITED=")
			})
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, not %q", got, c.want)
			}
		})
	}
}
