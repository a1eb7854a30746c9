package certs

import (
	"crypto/tls"
	"errors"
	"testing"
)

func TestVersions(t *testing.T) {
	a := newAuthority(t)
	s := newStore(t, a.pair(t, "", "a.example"))
	names := map[uint16]string{tls.VersionTLS10: "1.0", tls.VersionTLS11: "1.1", tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"}
	for version, name := range names {
		for _, only13 := range []bool{false, true} {
			client := &tls.Config{ServerName: "a.example", RootCAs: a.pool, MinVersion: version, MaxVersion: version}
			state, serverErr, clientErr := shake(s.Config(Options{OnlyTLS13: only13}), client)
			want := version == tls.VersionTLS13 || version == tls.VersionTLS12 && !only13
			if (serverErr == nil && clientErr == nil) != want {
				t.Errorf("TLS %s, OnlyTLS13 %v: server: %v; client: %v", name, only13, serverErr, clientErr)
			}
			if want && state.Version != version {
				t.Errorf("TLS %s: negotiated %x", name, state.Version)
			}
		}
	}
}

func TestApplicationProtocol(t *testing.T) {
	a := newAuthority(t)
	s := newStore(t, a.pair(t, "", "a.example"))
	for _, test := range []struct {
		offer []string
		want  string
		ok    bool
	}{
		{nil, "", true},
		{[]string{"h2", "http/1.1"}, "http/1.1", true},
		{[]string{"http/1.1"}, "http/1.1", true},
		{[]string{"h2"}, "", false},
		{[]string{"acme-tls/1"}, "", false},
	} {
		client := &tls.Config{ServerName: "a.example", RootCAs: a.pool, NextProtos: test.offer}
		state, serverErr, clientErr := shake(s.Config(Options{}), client)
		if ok := serverErr == nil && clientErr == nil; ok != test.ok || state.NegotiatedProtocol != test.want {
			t.Errorf("offer %q: protocol %q; server: %v; client: %v", test.offer, state.NegotiatedProtocol, serverErr, clientErr)
		}
		if IsChallenge(state) {
			t.Errorf("offer %q is a challenge", test.offer)
		}
	}
}

func TestClientCertificates(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	s := newStore(t, a.pair(t, "", "a.example"))
	cas, err := NewClientCAs("clients.pem", certPEM(a.root))
	if err != nil {
		t.Fatal(err)
	}
	own := func(by *authority) []tls.Certificate {
		pair := by.pair(t, "", "client")
		cert, err := tls.X509KeyPair(pair.Cert, pair.Key)
		if err != nil {
			t.Fatal(err)
		}
		return []tls.Certificate{cert}
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, test := range []struct {
			what     string
			certs    []tls.Certificate
			required bool
			ok       bool
		}{
			{"none, optional", nil, false, true},
			{"none, required", nil, true, false},
			{"known, optional", own(a), false, true},
			{"known, required", own(a), true, true},
		} {
			client := &tls.Config{ServerName: "a.example", RootCAs: a.pool, Certificates: test.certs, MaxVersion: version}
			_, serverErr, clientErr := shake(s.Config(Options{ClientCAs: cas, RequireClientCert: test.required}), client)
			if (serverErr == nil && clientErr == nil) != test.ok {
				t.Errorf("%s: server: %v; client: %v", test.what, serverErr, clientErr)
			}
		}
		// A certificate of strangers is shown whatever the server asks for.
		for _, required := range []bool{false, true} {
			client := &tls.Config{ServerName: "a.example", RootCAs: a.pool, MaxVersion: version,
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own(stranger)[0], nil }}
			if _, serverErr, _ := shake(s.Config(Options{ClientCAs: cas, RequireClientCert: required}), client); serverErr == nil {
				t.Errorf("a stranger has been let in (required %v)", required)
			}
		}
	}
	if _, err := NewClientCAs("clients.pem", []byte("nothing")); !errors.Is(err, ErrMalformed) {
		t.Errorf("no authority: %v", err)
	}
	if _, err := NewClientCAs("clients.pem", certPEM(a.root)[:100]); !errors.Is(err, ErrMalformed) {
		t.Errorf("half an authority: %v", err)
	}
}
