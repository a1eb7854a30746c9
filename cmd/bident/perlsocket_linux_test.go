package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPerlSocketVariables: the variables that say where the server listens are not the
// program's, whether CGI::Fast has a socket at descriptor 0 or is a CGI program.
func TestPerlSocketVariables(t *testing.T) {
	needPerl(t, "CGI::Fast")
	needPrograms(t, "cgi-fcgi")
	for name, flags := range map[string][]string{"program": {"--max-servers=2"}, "cgi": {"--max-servers=2", "--cgi"}} {
		t.Run(name, func(t *testing.T) {
			u := newUpgraded(t)
			socket := filepath.Join(shortDir(t), "s")
			u.first.Args = append([]string{"bident", "serve", "--pid-file", u.pidFile}, flags...)
			u.first.Args = append(u.first.Args, "--", "perl", fixture(t, "perl/fast.pl"))
			u.first.Env = append(u.first.Env, "FCGI_SOCKET_PATH="+socket, "FCGI_LISTEN_QUEUE=50")
			u.start()
			for range 4 {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				client := exec.CommandContext(ctx, "cgi-fcgi", "-bind", "-connect", socket)
				for name, value := range environ("GET", "/a?n=1", 0) {
					client.Env = append(client.Env, name+"="+value)
				}
				if out, err := client.Output(); err != nil || !strings.HasSuffix(string(out), "\nmethod GET\nn=1\n") {
					t.Fatalf("%v: %q", err, out)
				}
			}
			if text := u.text(); strings.Contains(text, "Address already in use") {
				t.Error("a program has tried to listen")
			}
			u.stop()
		})
	}
}
