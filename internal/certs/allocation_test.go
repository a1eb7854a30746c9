//go:build !race

package certs

import (
	"crypto/tls"
	"testing"
)

// A front that redirects everything does this for each request.
func TestRedirectTargetAlloc(t *testing.T) {
	dst := make([]byte, 0, 128)
	for _, host := range []string{"www.a.example:80", "192.0.2.1"} {
		host, target := []byte(host), []byte("/path?query=\"x\"")
		if n := testing.AllocsPerRun(100, func() {
			if _, ok := RedirectTarget(dst, host, target, 8443); !ok {
				t.Fatal("refused")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", host, n)
		}
	}
}

// The choice among many certificates costs nothing beside a handshake.
func TestCertificateAlloc(t *testing.T) {
	a := newAuthority(t)
	s := newStore(t, a.pair(t, "", "default.example"), a.pair(t, "", "a.example"), a.pair(t, "", "*.wild.example"))
	for _, name := range []string{"a.example", "b.wild.example", "unknown.example", ""} {
		hello := &tls.ClientHelloInfo{ServerName: name}
		if n := testing.AllocsPerRun(100, func() {
			if _, err := s.certificate(hello, nil); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%q: %v allocations", name, n)
		}
	}
}

// Requests that are no challenges pass without a trace.
func TestChallengeAlloc(t *testing.T) {
	i := &Issuer{}
	if n := testing.AllocsPerRun(100, func() {
		if _, _, ok := i.Challenge("a.example", "/index.html"); ok {
			t.Fatal("a challenge")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
