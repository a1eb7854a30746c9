package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a time that tests set.
type clock struct{ unix atomic.Int64 }

func newClock(t time.Time) *clock {
	c := &clock{}
	c.unix.Store(t.Unix())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(c.unix.Load(), 0) }
func (c *clock) advance(d time.Duration) { c.unix.Add(int64(d / time.Second)) }

func newTickets(t testing.TB, secret Secret, now func() time.Time) *Tickets {
	t.Helper()
	tickets, err := NewTickets(secret)
	if err != nil {
		t.Fatal(err)
	}
	if now != nil {
		tickets.now = now
	}
	return tickets
}

// forVersions runs a test for both protocols: their tickets have little in
// common.
func forVersions(t *testing.T, test func(t *testing.T, client *tls.Config)) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			test(t, &tls.Config{MaxVersion: version, ServerName: "a.example",
				ClientSessionCache: tls.NewLRUClientSessionCache(1)})
		})
	}
}

// resumed makes one connection that begins a session with one configuration,
// and one with the other; it says whether the second one continued the first.
func resumed(t *testing.T, client *tls.Config, first, second *tls.Config) bool {
	t.Helper()
	client = client.Clone()
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	if meet(t, first, client).DidResume {
		t.Fatal("a first connection continues a session")
	}
	return meet(t, second, client).DidResume
}

func TestResumption(t *testing.T) {
	a := newAuthority(t)
	pairs := []Pair{a.pair(t, "", "a.example")}
	secret := NewSecret()
	forVersions(t, func(t *testing.T, client *tls.Config) {
		client.RootCAs = a.pool
		options := Options{Tickets: newTickets(t, secret, nil)}
		s := newStore(t, pairs...)
		config := s.Config(options)
		if !resumed(t, client, config, config) {
			t.Error("not by the same configuration")
		}
		if !resumed(t, client, config, s.Config(options)) {
			t.Error("not by another configuration")
		}
		if !resumed(t, client, config, config.Clone()) {
			t.Error("not by a clone")
		}
		other := newStore(t, pairs...).Config(Options{Tickets: newTickets(t, secret, nil)})
		if !resumed(t, client, config, other) {
			t.Error("not by a second process with the same secret")
		}
		perClient := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return other, nil }}
		if !resumed(t, client, config, perClient) {
			t.Error("not through GetConfigForClient")
		}
		foreign := s.Config(Options{Tickets: newTickets(t, NewSecret(), nil)})
		if resumed(t, client, config, foreign) {
			t.Error("by a process with another secret")
		}
		if resumed(t, client, config, s.Config(Options{})) {
			t.Error("by a process without a secret")
		}

		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		meet(t, config, client)
		if err := s.Replace([]Pair{a.pair(t, "", "a.example")}); err != nil {
			t.Fatal(err)
		}
		if !meet(t, config, client).DidResume {
			t.Error("not after Replace")
		}
	})
}

func TestRotation(t *testing.T) {
	a := newAuthority(t)
	s := newStore(t, a.pair(t, "", "a.example"))
	secret := NewSecret()
	base := time.Unix(0, 0).Add(40000 * TicketPeriod)
	forVersions(t, func(t *testing.T, client *tls.Config) {
		client.RootCAs = a.pool
		for _, test := range []struct {
			issued, used time.Duration // since the start of a period
			want         bool
		}{
			{0, TicketPeriod - time.Second, true},
			{0, TicketPeriod, true},
			{TicketPeriod - time.Second, 2 * TicketPeriod, true},
			{0, 3*TicketPeriod - time.Second, true},
			{0, 3 * TicketPeriod, false},
			{TicketPeriod - time.Second, 3 * TicketPeriod, false},
			{0, 100 * TicketPeriod, false},
			{TicketPeriod, TicketPeriod - time.Second, true}, // a clock that is behind
			{2 * TicketPeriod, TicketPeriod - time.Second, false},
		} {
			t.Run(fmt.Sprint(test.issued, " ", test.used), func(t *testing.T) {
				// The same configuration, whose clock goes on ...
				clock := newClock(base.Add(test.issued))
				config := s.Config(Options{Tickets: newTickets(t, secret, clock.now)})
				cached := client.Clone()
				cached.ClientSessionCache = tls.NewLRUClientSessionCache(1)
				meet(t, config, cached)
				clock.advance(test.used - test.issued)
				if got := meet(t, config, cached).DidResume; got != test.want {
					t.Errorf("resumed %v, want %v", got, test.want)
				}
				// ... has just the keys of one that starts at that time.
				fresh := s.Config(Options{Tickets: newTickets(t, secret, clock.now)})
				if !resumed(t, client, config, fresh) {
					t.Error("keys differ from those of a new process")
				}
			})
		}
	})
}

func TestClientAuthoritiesSetTicketsApart(t *testing.T) {
	a := newAuthority(t)
	s := newStore(t, a.pair(t, "", "a.example"))
	cas := func(text []byte) *ClientCAs {
		c, err := NewClientCAs("clients.pem", text)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	one, both := cas(certPEM(a.root)), cas(certPEM(a.root, newAuthority(t).root))
	pair := a.pair(t, "", "client")
	own, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	forVersions(t, func(t *testing.T, client *tls.Config) {
		client.RootCAs, client.Certificates = a.pool, []tls.Certificate{own}
		tickets := newTickets(t, NewSecret(), nil)
		config := func(o Options) *tls.Config { o.Tickets = tickets; return s.Config(o) }
		required := config(Options{ClientCAs: one, RequireClientCert: true})
		if !resumed(t, client, required, config(Options{ClientCAs: cas(certPEM(a.root)), RequireClientCert: true})) {
			t.Error("not under the same authorities")
		}
		for what, other := range map[string]Options{
			"none": {}, "optional": {ClientCAs: one}, "more": {ClientCAs: both, RequireClientCert: true},
		} {
			if resumed(t, client, config(other), required) || resumed(t, client, required, config(other)) {
				t.Errorf("resumed between required and %s", what)
			}
		}
	})
}

func TestKeys(t *testing.T) {
	secret := NewSecret()
	at := time.Unix(0, 0).Add(5 * TicketPeriod)
	seen := map[[32]byte]bool{}
	for _, key := range Keys(secret, "", at) {
		seen[key] = true
	}
	if len(seen) != 4 || seen[[32]byte{}] {
		t.Fatalf("%d different keys of 4", len(seen))
	}
	now, next := Keys(secret, "", at.Add(TicketPeriod-1)), Keys(secret, "", at.Add(TicketPeriod))
	if now[0] != Keys(secret, "", at)[0] || next[0] != now[3] || next[1] != now[0] || next[2] != now[1] {
		t.Error("the keys of neighbouring periods do not overlap")
	}
	if Keys(secret, "x", at)[0] == now[0] || Keys(NewSecret(), "", at)[0] == now[0] {
		t.Error("another audience or secret has the same key")
	}
	// Periods are as long on either side of 1970.
	if periodOf(time.Unix(-1, 0)) != -1 || periodOf(time.Unix(-43200, 0)) != -1 || periodOf(time.Unix(-43201, 0)) != -2 || periodOf(time.Unix(0, 0)) != 0 {
		t.Error("periods before 1970")
	}
}

func TestSecret(t *testing.T) {
	if _, err := NewTickets(Secret{}); !errors.Is(err, ErrNoSecret) {
		t.Errorf("no secret: %v", err)
	}
	secret := NewSecret()
	if secret == NewSecret() || secret == (Secret{}) {
		t.Error("secrets are not random")
	}
	decimal, hex := strings.Trim(fmt.Sprint(secret[:8]), "[]"), fmt.Sprintf("%x", secret[:8])
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		for _, value := range []any{secret, &secret, struct{ S Secret }{secret}, newTickets(t, secret, nil)} {
			if text := fmt.Sprintf(format, value); strings.Contains(text, decimal) || strings.Contains(text, hex) {
				t.Errorf("%s of %T prints %s", format, value, text)
			}
		}
	}
}

func TestRotationUnderHandshakes(t *testing.T) {
	a := newAuthority(t)
	clock := newClock(time.Unix(0, 0).Add(40000 * TicketPeriod))
	config := newStore(t, a.pair(t, "", "a.example")).Config(Options{Tickets: newTickets(t, NewSecret(), clock.now)})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			client := &tls.Config{ServerName: "a.example", RootCAs: a.pool, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
			for range 20 {
				if _, serverErr, clientErr := shake(config, client); serverErr != nil || clientErr != nil {
					t.Errorf("server: %v; client: %v", serverErr, clientErr)
				}
				clock.advance(TicketPeriod / 3)
			}
		})
	}
	clients.Wait()
}
