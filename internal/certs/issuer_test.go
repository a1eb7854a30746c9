package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func newIssuer(t *testing.T, s *acmeServer, cache string, hosts ...string) *Issuer {
	t.Helper()
	i, err := NewIssuer(ACME{Hosts: hosts, Email: "me@a.example", CacheDir: cache,
		DirectoryURL: s.URL + "/directory", RootCAs: s.pool()})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// private is a directory that passes for a cache.
func private(t *testing.T) string { return filepath.Join(t.TempDir(), "acme") }

func TestIssueByHTTP(t *testing.T) {
	a := newAuthority(t)
	authority := newACMEServer(t, a)
	cache := filepath.Join(t.TempDir(), "made", "acme")
	issuer := newIssuer(t, authority, cache, "www.acme.example", "Both.example")
	authority.validate = func(kind, host, token, keyAuth string) error {
		if kind != "http-01" {
			return errors.New("port 443 is closed")
		}
		if body, status, ok := issuer.Challenge(host, challengePrefix+"x"+token); !ok || status != 404 || strings.Contains(body, keyAuth) {
			t.Errorf("another token: %q, %d, %v", body, status, ok)
		}
		if err := validateHTTP(issuer, "WWW.acme.example:80", token, keyAuth); err != nil {
			t.Error(err)
		}
		return validateHTTP(issuer, host, token, keyAuth)
	}
	store := newStore(t, a.named(t, "static", "static.example", "both.example"))
	config := store.Config(Options{Issuer: issuer})
	name := func(config *tls.Config, host string) string {
		return meet(t, config, &tls.Config{ServerName: host, InsecureSkipVerify: true}).PeerCertificates[0].DNSNames[0]
	}
	// Nobody else's name is ordered, and the store wins.
	for _, host := range []string{"", "static.example", "other.example", "acme.example", "both.example"} {
		if got := name(config, host); got != "static.example" {
			t.Errorf("%q is shown %q", host, got)
		}
	}
	if orders, _ := authority.count(); orders != 0 {
		t.Fatalf("%d orders before a client has asked", orders)
	}

	// Several clients at once make one order.
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			client := &tls.Config{ServerName: "WWW.acme.example", RootCAs: a.pool}
			if _, serverErr, clientErr := shake(config, client); serverErr != nil || clientErr != nil {
				t.Errorf("server: %v; client: %v", serverErr, clientErr)
			}
		})
	}
	clients.Wait()
	orders, attempts := authority.count()
	if fmt.Sprint(attempts) != "[tls-alpn-01 http-01]" || orders != 2 {
		t.Errorf("%d orders, attempts %v", orders, attempts)
	}

	// A new process finds the certificate in the cache, which is private.
	again := store.Config(Options{Issuer: newIssuer(t, authority, cache, "www.acme.example")})
	if got := name(again, "www.acme.example"); got != "www.acme.example" {
		t.Errorf("shown %q from the cache", got)
	}
	if now, _ := authority.count(); now != orders {
		t.Errorf("%d orders more in spite of the cache", now-orders)
	}
	if info, err := os.Stat(cache); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("cache %v, %v", info.Mode(), err)
	}
}

func TestIssueByALPN(t *testing.T) {
	a := newAuthority(t)
	authority := newACMEServer(t, a)
	issuer := newIssuer(t, authority, private(t), "www.acme.example")
	config := newStore(t, a.pair(t, "", "static.example")).Config(Options{Issuer: issuer, OnlyTLS13: true})
	authority.validate = func(kind, host, token, keyAuth string) error {
		if kind != "tls-alpn-01" {
			return errors.New("not asked for")
		}
		return validateALPN(config, host, keyAuth)
	}
	client := &tls.Config{ServerName: "www.acme.example", RootCAs: a.pool, NextProtos: []string{"h2", "http/1.1"}}
	if state := meet(t, config, client); IsChallenge(state) || state.NegotiatedProtocol != "http/1.1" {
		t.Errorf("protocol %q", state.NegotiatedProtocol)
	}
	if _, attempts := authority.count(); fmt.Sprint(attempts) != "[tls-alpn-01]" {
		t.Errorf("attempts %v", attempts)
	}
	// Who asks for a challenge that is not there gets no certificate at all.
	for _, host := range []string{"www.acme.example", "static.example", "other.example", ""} {
		if err := validateALPN(config, host, ""); err == nil || strings.Contains(err.Error(), "proves nothing") {
			t.Errorf("%q: %v", host, err)
		}
	}
}

func TestIssueFails(t *testing.T) {
	a := newAuthority(t)
	authority := newACMEServer(t, a)
	authority.validate = func(string, string, string, string) error { return errors.New("no") }
	issuer := newIssuer(t, authority, private(t), "www.acme.example")
	config := newStore(t, a.pair(t, "", "static.example")).Config(Options{Issuer: issuer})
	client := &tls.Config{ServerName: "www.acme.example", RootCAs: a.pool}
	if _, serverErr, clientErr := shake(config, client); serverErr == nil || clientErr == nil {
		t.Errorf("server: %v; client: %v", serverErr, clientErr)
	}
	orders, _ := authority.count()
	if _, serverErr, _ := shake(config, client); serverErr == nil {
		t.Error("a second client is served")
	}
	if now, _ := authority.count(); now != orders {
		t.Errorf("a second client makes %d orders more", now-orders)
	}
	meet(t, config, &tls.Config{ServerName: "static.example", RootCAs: a.pool})
}

func TestIssuerWaiting(t *testing.T) {
	a := newAuthority(t)
	authority := newACMEServer(t, a)
	issuer := newIssuer(t, authority, private(t), "www.acme.example")
	slot := issuer.slots["www.acme.example"]
	for range maxWaiting {
		slot <- struct{}{}
	}
	near, far, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	store := newStore(t)
	go func() {
		defer far.Close()
		ended <- tls.Server(far, store.Config(Options{Issuer: issuer})).HandshakeContext(ctx)
	}()
	t.Cleanup(func() { near.Close() })
	go tls.Client(near, &tls.Config{ServerName: "www.acme.example"}).Handshake()
	cancel() // before or while it waits
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a handshake that was called off", err)
	}
}

func TestChallenge(t *testing.T) {
	a := newAuthority(t)
	dir := private(t)
	issuer := newIssuer(t, newACMEServer(t, a), dir, "www.acme.example")
	// autocert's name for what another process of the server has put there.
	if err := os.WriteFile(filepath.Join(dir, "shared+http-01"), []byte("shared.thumb"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "outside+http-01"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		host, path string
		status     int // 0: not ours
	}{
		{"www.acme.example", challengePrefix + "shared", 200},
		{"WWW.ACME.EXAMPLE.:80", challengePrefix + "shared", 200},
		{"www.acme.example", challengePrefix + "unknown", 404},
		{"www.acme.example", challengePrefix, 404},
		{"www.acme.example", challengePrefix + "../outside", 404},
		{"www.acme.example", challengePrefix + "x/../shared", 404},
		{"www.acme.example", challengePrefix + "..\\outside", 404},
		{"www.acme.example", challengePrefix + "a\x00b", 404},
		{"www.acme.example", challengePrefix + strings.Repeat("a", 128), 404},
		{"www.acme.example", challengePrefix + strings.Repeat("a", 129), 404},
		{"other.example", challengePrefix + "shared", 0},
		{"", challengePrefix + "shared", 0},
		{"[::1]:80", challengePrefix + "shared", 0},
		{"www.acme.example", "/", 0},
		{"www.acme.example", "/.well-known/acme-challenge", 0},
		{"www.acme.example", "", 0},
	} {
		body, status, ok := issuer.Challenge(test.host, test.path)
		if status != test.status || ok != (test.status != 0) || (status == 200) != (body == "shared.thumb") {
			t.Errorf("%q %q: %q, %d, %v, want %d", test.host, test.path, body, status, ok, test.status)
		}
	}
}

func TestACMEValidate(t *testing.T) {
	good := ACME{Hosts: []string{"A.example", "xn--bcher-kva.example."}, CacheDir: "x"}
	if err := good.Validate(); err != nil {
		t.Errorf("%v", err)
	}
	bad := ACME{
		Hosts:        []string{"*.a.example", "192.0.2.1", "[::1]", "localhost", "a b.example", "bücher.example", ""},
		Email:        "Me <me@a.example>",
		DirectoryURL: "http://a.example/directory",
	}
	err := bad.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range append([]string{"cache directory", "directory \"http:", "email"}, bad.Hosts...) {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %q in %v", want, err)
		}
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != len(bad.Hosts)+3 {
		t.Errorf("%d problems in %v", got, err)
	}
	if _, err := NewIssuer(ACME{}); err == nil {
		t.Error("an issuer of nothing")
	}
	if err := (ACME{CacheDir: "x"}).Validate(); err == nil || !strings.Contains(err.Error(), "needs a host") {
		t.Errorf("no hosts: %v", err)
	}
}

func TestACMECache(t *testing.T) {
	dir := t.TempDir()
	config := ACME{Hosts: []string{"a.example"}, CacheDir: filepath.Join(dir, "open")}
	if err := os.Mkdir(config.CacheDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := NewIssuer(config); errors.Is(err, ErrCacheExposed) != (runtime.GOOS != "windows") {
		t.Errorf("a directory that all can read: %v", err)
	}
	config.CacheDir = write(t, dir, "file", 0o600, nil)
	if _, err := NewIssuer(config); err == nil {
		t.Error("a file is a directory")
	}
	config.CacheDir = filepath.Join(dir, "fresh")
	issuer, err := NewIssuer(config)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(config.CacheDir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if got := issuer.manager.Client.DirectoryURL; !strings.HasPrefix(got, "https://") {
		t.Errorf("default directory %q", got)
	}
}
