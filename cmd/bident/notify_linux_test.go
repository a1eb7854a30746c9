package main

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// manager is the socket of a service manager.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

// expect reads the next message, which must match.
func (m *manager) expect(pattern string) {
	m.t.Helper()
	buf := make([]byte, 4096)
	_ = m.conn.SetReadDeadline(time.Now().Add(patience))
	n, err := m.conn.Read(buf)
	if err != nil {
		m.t.Fatalf("%s: %v", pattern, err)
	}
	if text := strings.ReplaceAll(string(buf[:n]), "\n", " "); !regexp.MustCompile("^" + pattern + "$").MatchString(text) {
		m.t.Fatalf("%q does not match %s", text, pattern)
	}
}

// TestNotify: what a service manager hears of a server's life.
func TestNotify(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "socket"), fmt.Sprintf("@bident-test-%d", time.Now().UnixNano())} {
		conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		m := &manager{t, conn}
		u := newUpgraded(t)
		u.first.Env = append(u.first.Env, "NOTIFY_SOCKET="+name)
		u.start()
		first := u.pid()
		m.expect(fmt.Sprintf("MAINPID=%d READY=1", first))

		if out, err := u.ctl("ctl", "reload"); err != nil {
			t.Fatal(err, out)
		}
		m.expect(`RELOADING=1 MONOTONIC_USEC=\d+`)
		m.expect("READY=1")

		if out, err := u.ctl("ctl", "upgrade"); err != nil {
			t.Fatal(err, out)
		}
		next := u.pid()
		m.expect(`RELOADING=1 MONOTONIC_USEC=\d+`)
		// The old process and the new one say the same.
		m.expect(fmt.Sprintf("MAINPID=%d READY=1", next))
		m.expect(fmt.Sprintf("MAINPID=%d READY=1", next))

		u.stop()
		m.expect("STOPPING=1")
	}
}
