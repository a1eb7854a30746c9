package main

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"regexp"
	"testing"
	"time"
)

// secureLine is what the log says of an address for TLS.
var secureLine = regexp.MustCompile(`listening on https://([0-9.:]+)`)

// delayed is a connection whose second and later writes wait for the gate.
type delayed struct {
	net.Conn
	begun bool
	gate  chan struct{}
	stuck chan struct{} // closed when something waits
}

func (d *delayed) Write(p []byte) (int, error) {
	if d.begun {
		select {
		case <-d.stuck:
		default:
			close(d.stuck)
		}
		<-d.gate
	}
	d.begun = true
	return d.Conn.Write(p)
}

// TestUpgradeTLS: connections with TLS stay with the old process, which answers those
// that have begun to ask, or are new, or are in the middle of their handshake.
func TestUpgradeTLS(t *testing.T) {
	cert := newCertificate(t, "upgraded", "localhost")
	config := &tls.Config{RootCAs: cert.pool, ServerName: "localhost"}
	for _, name := range []string{"emulate", "request", "slot", "dispatch"} {
		t.Run(name, func(t *testing.T) {
			u := startUpgraded(t, append([]string{"--listen", "https://127.0.0.1:0", "--tls-cert", cert.file}, ways[name]...)...)
			m := secureLine.FindStringSubmatch(u.text())
			if m == nil {
				t.Fatal("no address for TLS")
			}
			dial := func(wrap func(net.Conn) net.Conn) *tls.Conn {
				t.Helper()
				raw, err := net.Dial("tcp", m[1])
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { raw.Close() })
				_ = raw.SetDeadline(time.Now().Add(patience))
				return tls.Client(wrap(raw), config)
			}
			say := func(c *tls.Conn, octets string) {
				t.Helper()
				if _, err := io.WriteString(c, octets); err != nil {
					t.Fatal(err)
				}
			}
			hear := func(what string, c *tls.Conn) *http.Response {
				t.Helper()
				resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: "GET"})
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("%s: %s, %v", what, resp.Status, err)
				}
				return resp
			}
			const request = "GET /pid HTTP/1.1\r\nHost: localhost\r\n\r\n"
			as := func(c net.Conn) net.Conn { return c }
			gate := &delayed{gate: make(chan struct{}), stuck: make(chan struct{})}
			idle, fresh, half := dial(as), dial(as), dial(as)
			shaking := dial(func(c net.Conn) net.Conn { gate.Conn = c; return gate })
			say(idle, request)
			hear("idle", idle)
			if err := fresh.Handshake(); err != nil {
				t.Fatal(err)
			}
			say(half, request[:9])
			shaken := make(chan error, 1)
			go func() { shaken <- shaking.Handshake() }()
			<-gate.stuck

			if out, err := u.ctl("ctl", "upgrade"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if n, err := idle.Read(make([]byte, 1)); n > 0 || err != io.EOF {
				t.Errorf("idle: %d octets, %v", n, err)
			}
			idle.Close()
			close(gate.gate)
			if err := <-shaken; err != nil {
				t.Fatalf("handshake: %v", err)
			}
			say(fresh, request)
			say(half, request[9:])
			say(shaking, request)
			for what, c := range map[string]*tls.Conn{"fresh": fresh, "half a head": half, "handshake": shaking} {
				if resp := hear(what, c); !resp.Close {
					t.Errorf("%s: the answer does not say that it is the last one", what)
				}
				if n, err := c.Read(make([]byte, 1)); n > 0 || err != io.EOF {
					t.Errorf("%s: after the answer %d octets, %v", what, n, err)
				}
				c.Close()
			}
			u.settled(3, name != "emulate")
			u.stop()
		})
	}
}
