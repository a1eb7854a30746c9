package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// shown is the common name, by which tests tell leaves apart, of what a client
// is shown that asks for a name.
func shown(t testing.TB, s *Store, name string, change func(*tls.Config)) string {
	t.Helper()
	client := &tls.Config{ServerName: name, InsecureSkipVerify: true}
	if change != nil {
		change(client)
	}
	return meet(t, s.Config(Options{}), client).PeerCertificates[0].Subject.CommonName
}

func (a *authority) named(t testing.TB, commonName string, names ...string) Pair {
	t.Helper()
	template := x509.Certificate{DNSNames: names}
	template.Subject.CommonName = commonName
	return a.pairFor(t, commonName, newECDSA(t), template)
}

func TestServerName(t *testing.T) {
	a := newAuthority(t)
	address := x509.Certificate{IPAddresses: []net.IP{net.IPv4(192, 0, 2, 7)}}
	address.Subject.CommonName = "address"
	s := newStore(t,
		a.named(t, "default", "default.example"),
		a.named(t, "wild", "*.wild.example"),
		a.named(t, "exact", "exact.wild.example", "EXACT.wild.example"),
		a.named(t, "idn", "xn--bcher-kva.example"),
		a.named(t, "late", "exact.wild.example"),
		a.pairFor(t, "address", newECDSA(t), address),
	)
	for _, test := range []struct{ name, want string }{
		{"default.example", "default"},
		{"exact.wild.example", "exact"},
		{"eXACT.Wild.EXAMPLE", "exact"},
		{"other.wild.example", "wild"},
		{"two.labels.wild.example", "default"},
		{"wild.example", "default"},
		{"XN--BCHER-KVA.Example", "idn"},
		{"unknown.example", "default"},
		{"", "default"},
		{"K\u212Ad.example", "default"}, // the Kelvin sign folds into k elsewhere
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := shown(t, s, test.name, nil); got != test.want {
				t.Errorf("shown %q, want %q", got, test.want)
			}
		})
	}
	// Go's client sends no address; others do.
	for _, name := range []string{"192.0.2.7", "Exact.wild.example."} {
		cert, err := s.certificate(&tls.ClientHelloInfo{ServerName: name,
			SupportedVersions: []uint16{tls.VersionTLS13}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}}, nil)
		if err != nil || (cert.Leaf.Subject.CommonName != "address" && cert.Leaf.Subject.CommonName != "exact") {
			t.Errorf("%s: %v, %v", name, cert, err)
		}
	}
}

func TestChooseByClient(t *testing.T) {
	a := newAuthority(t)
	rsaKey := newRSA(t, 2048)
	twin := func(names ...string) Pair {
		template := x509.Certificate{DNSNames: names}
		template.Subject.CommonName = "rsa"
		return a.pairFor(t, "rsa", rsaKey, template)
	}
	onlyRSA := func(c *tls.Config) {
		c.MaxVersion = tls.VersionTLS12
		c.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	}
	onlyECDSA := func(c *tls.Config) {
		c.MaxVersion = tls.VersionTLS12
		c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	}
	both := newStore(t, a.named(t, "ecdsa", "a.example"), twin("a.example", "b.example"))
	wild := newStore(t, a.named(t, "ecdsa", "a.example"), twin("*.example"))
	for _, test := range []struct {
		what   string
		store  *Store
		name   string
		change func(*tls.Config)
		want   string
	}{
		{"both fit: the first", both, "a.example", nil, "ecdsa"},
		{"only RSA", both, "a.example", onlyRSA, "rsa"},
		{"only ECDSA", both, "a.example", onlyECDSA, "ecdsa"},
		{"only RSA, no name", both, "", onlyRSA, "rsa"},
		{"only RSA, unknown name", both, "nobody.example", onlyRSA, "rsa"},
		{"no name", both, "", nil, "ecdsa"},
		{"a wildcard that fits before an exact name that does not", wild, "a.example", onlyRSA, "rsa"},
		{"an exact name before a wildcard", wild, "a.example", nil, "ecdsa"},
	} {
		t.Run(test.what, func(t *testing.T) {
			if got := shown(t, test.store, test.name, test.change); got != test.want {
				t.Errorf("shown %q, want %q", got, test.want)
			}
		})
	}
	t.Run("nothing fits", func(t *testing.T) {
		client := &tls.Config{ServerName: "a.example", InsecureSkipVerify: true}
		onlyRSA(client)
		s := newStore(t, a.named(t, "one", "a.example"), a.named(t, "two", "a.example"))
		if _, serverErr, clientErr := shake(s.Config(Options{}), client); serverErr == nil || clientErr == nil {
			t.Errorf("server: %v; client: %v", serverErr, clientErr)
		}
	})
}

func TestProblems(t *testing.T) {
	a := newAuthority(t)
	now := time.Now()
	s := newStore(t,
		a.pairFor(t, "old", newECDSA(t), x509.Certificate{DNSNames: []string{"old.example"},
			NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(-24 * time.Hour)}),
		a.pairFor(t, "early", newECDSA(t), x509.Certificate{DNSNames: []string{"early.example"},
			NotBefore: now.Add(24 * time.Hour)}),
		a.pair(t, "nameless"),
		a.pair(t, "good", "good.example"),
	)
	problems := s.Problems()
	if len(problems) != 3 || !errors.Is(problems[0], ErrExpired) || !errors.Is(problems[1], ErrNotYetValid) ||
		!errors.Is(problems[2], ErrNoName) {
		t.Fatalf("problems %v", problems)
	}
	for i, name := range []string{"old: ", "early: ", "nameless: "} {
		if !strings.HasPrefix(problems[i].Error(), name) {
			t.Errorf("problem %q does not begin with %q", problems[i], name)
		}
	}
	for _, name := range []string{"old.example", "early.example"} {
		state := meet(t, s.Config(Options{}), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if state.PeerCertificates[0].DNSNames[0] != name {
			t.Errorf("%s is not served", name)
		}
	}
	// Years later the intermediate is out of time as well.
	s.now = func() time.Time { return now.Add(20000 * time.Hour) }
	if got := len(s.Problems()); got != 9 { // each leaf and its intermediate, and no name
		t.Errorf("%d problems in the end: %v", got, s.Problems())
	}
}

func TestEmptyStore(t *testing.T) {
	s := newStore(t)
	if s.Problems() != nil {
		t.Errorf("problems %v", s.Problems())
	}
	_, serverErr, clientErr := shake(s.Config(Options{}), &tls.Config{ServerName: "a.example", InsecureSkipVerify: true})
	if !errors.Is(serverErr, ErrNoCertificate) || clientErr == nil {
		t.Errorf("server: %v; client: %v", serverErr, clientErr)
	}
}

func TestReplace(t *testing.T) {
	a := newAuthority(t)
	s := newStore(t, a.named(t, "one", "a.example"))
	config := s.Config(Options{})
	next := a.named(t, "two", "a.example")
	if err := s.Replace([]Pair{next, {Name: "broken"}}); !errors.Is(err, ErrMalformed) {
		t.Fatalf("error %v", err)
	}
	client := &tls.Config{ServerName: "a.example", RootCAs: a.pool}
	if got := meet(t, config, client).PeerCertificates[0].Subject.CommonName; got != "one" {
		t.Errorf("a broken set has replaced the old one: shown %q", got)
	}
	if err := s.Replace([]Pair{next}); err != nil {
		t.Fatal(err)
	}
	if got := meet(t, config, client).PeerCertificates[0].Subject.CommonName; got != "two" {
		t.Errorf("shown %q after Replace", got)
	}
}

func TestReplaceUnderHandshakes(t *testing.T) {
	a := newAuthority(t)
	sets := [][]Pair{
		{a.named(t, "one", "a.example"), a.named(t, "x", "x.example")},
		{a.named(t, "x", "x.example"), a.named(t, "two", "*.example")},
	}
	s := newStore(t, sets[0]...)
	tickets, err := NewTickets(NewSecret())
	if err != nil {
		t.Fatal(err)
	}
	config := s.Config(Options{Tickets: tickets})
	turn := make(chan struct{}, 1) // a handshake begins: time for another set
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			client := &tls.Config{ServerName: "a.example", RootCAs: a.pool}
			for i := range 20 {
				if i%5 == 0 { // a whole handshake again
					client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
				}
				select {
				case turn <- struct{}{}:
				default:
				}
				if _, serverErr, clientErr := shake(config, client); serverErr != nil || clientErr != nil {
					t.Errorf("server: %v; client: %v", serverErr, clientErr)
					return
				}
			}
		})
	}
	go func() { clients.Wait(); close(turn) }()
	i := 0
	for range turn {
		i++
		if err := s.Replace(sets[i%2]); err != nil {
			t.Error(err)
		}
	}
	if i < 20 {
		t.Errorf("only %d replacements", i)
	}
}
