package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// onDescriptor starts a server on a TCP socket that is its standard input, as web
// servers start programs, and returns where that is.
func onDescriptor(t *testing.T, env ...string) string {
	t.Helper()
	address, file := inherited(t)
	cmd := exec.Command("bident", "serve", "--listen=fcgi+fd://0", "--max-servers=2")
	cmd.Stdin = file
	cmd.Env = append(append(os.Environ(), privately(shortDir(t))...), env...)
	runPeer(t, cmd)
	return "fcgi://" + address
}

// TestWebServerAddrs: FCGI_WEB_SERVER_ADDRS says which web servers may connect
// (FastCGI 1.0, section 3.2).
func TestWebServerAddrs(t *testing.T) {
	dialResponder(t, onDescriptor(t)).serves()
	dialResponder(t, onDescriptor(t, "FCGI_WEB_SERVER_ADDRS=192.0.2.1,127.0.0.1")).serves()
	w := dialResponder(t, onDescriptor(t, "FCGI_WEB_SERVER_ADDRS=192.0.2.1,127.0.0.2"))
	_, _ = w.Write(wire(hello(1)...))
	if got, err := readRecord(w.r); err == nil {
		t.Errorf("a web server that is not listed gets a record of type %d", got.kind)
	} else if e, ok := err.(interface{ Timeout() bool }); ok && e.Timeout() {
		t.Error("a web server that is not listed is not told")
	}
}

// TestSpawned: the server as a program that spawn-fcgi starts, and cgi-fcgi as its
// client. Where nothing says otherwise the socket at descriptor 0 is listened on, also
// after a reload and an upgrade.
func TestSpawned(t *testing.T) {
	needPrograms(t, "spawn-fcgi", "cgi-fcgi")
	for _, args := range [][]string{{"--listen=fcgi+fd://0"}, {}, {"--mode=fork"}} {
		socket, ctl := spawn(t, args...)
		testSpawned(t, socket)
		ctl("reload")
		testSpawned(t, socket)
		ctl("upgrade")
		testSpawned(t, socket)
		ctl("reload")
		ctl("stop")
	}
	dir := shortDir(t)
	cmd := exec.Command("bident", "serve", "--listen=http+unix://"+dir+"/s", "--max-servers=2")
	_, cmd.Stdin = inherited(t)
	cmd.Env = append(os.Environ(), privately(dir)...)
	runPeer(t, cmd)
	waitSocket(t, dir+"/s")
	if out := output(t, "bident", "load", "--requests=3", "--target=/hello", "http+unix://"+dir+"/s"); !strings.Contains(out, "200: 3\n") {
		t.Errorf("an address that was given does not count:\n%s", out)
	}
}

// spawn starts a server by spawn-fcgi, and returns its socket and what controls it.
func spawn(t *testing.T, args ...string) (socket string, ctl func(what string)) {
	t.Helper()
	dir := shortDir(t)
	bident, err := exec.LookPath("bident")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("spawn-fcgi", append([]string{"-n", "-s", dir + "/s", "--", bident, "serve", "--max-servers=2"}, args...)...)
	cmd.Env = append(os.Environ(), privately(dir)...)
	t.Cleanup(func() { killMarked("XDG_RUNTIME_DIR=" + dir) }) // it may have a successor
	runPeer(t, cmd)
	waitSocket(t, dir+"/s")
	return dir + "/s", func(what string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		defer cancel()
		c := exec.CommandContext(ctx, bident, "ctl", what)
		c.Env = cmd.Env
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", what, err, out)
		}
	}
}

// testSpawned asks by cgi-fcgi.
func testSpawned(t *testing.T, socket string) {
	t.Helper()
	for _, c := range []struct{ method, uri, body, want string }{
		{"GET", "/hello", "", "hello\n"},
		{"POST", "/echo", strings.Repeat("body ", 20_000), strings.Repeat("body ", 20_000)},
		{"GET", "/status?c=404", "", "status 404\n"},
	} {
		client := exec.Command("cgi-fcgi", "-bind", "-connect", socket)
		for name, value := range environ(c.method, c.uri, len(c.body)) {
			client.Env = append(client.Env, name+"="+value)
		}
		client.Stdin = strings.NewReader(c.body)
		timer := time.AfterFunc(patience, func() { _ = client.Process.Kill() })
		out, err := client.Output()
		timer.Stop()
		head, body, _ := strings.Cut(string(out), "\r\n\r\n")
		if err != nil || body != c.want || !strings.HasPrefix(head, "Status: ") {
			t.Errorf("%s %s: %v, %q, %d octets, not %d", c.method, c.uri, err, head, len(body), len(c.want))
		}
	}
}

// TestPerlUpstream: the daemon under FCGI::ProcManager, which somebody else has
// started, behind --upstream.
func TestPerlUpstream(t *testing.T) {
	needPerl(t, "FCGI", "FCGI::ProcManager")
	t.Parallel()
	_, socket := startManager(t, 3)
	d := serveForTest(t, "--listen=http://127.0.0.1:0", "--max-servers=3", "--upstream=fcgi+unix://"+socket)
	d.errs = true // what the daemon says
	manage(t, d.urls[0], 2)
	if out, code := d.bident("ctl", "reload"); code != 0 {
		t.Errorf("reload: %d %s", code, out)
	}
	manage(t, d.urls[0], 2)
	d.end(0)
}
