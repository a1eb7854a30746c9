package certs

import (
	"crypto/tls"
	"errors"
	"strings"
	"sync/atomic"
	"time"
)

// Store serves certificates by the name that a client asks for. All methods may
// be called by any number of goroutines.
type Store struct {
	set atomic.Pointer[set]
	now func() time.Time
}

// set is what one NewStore or Replace brought; it never changes afterwards.
type set struct {
	chains []*chain
	exact  map[string][]*chain
	// wild is keyed by what follows "*.".
	wild map[string][]*chain
	// fallback is for clients that name no host, or one that nobody knows: the
	// first pair, then those that share a name with it (its RSA twin).
	fallback []*chain
}

// NewStore checks the pairs and makes a store of them; the first is the default
// one. No pairs make a store that serves nobody, which is of use beside an
// Issuer only. Errors: all problems of all pairs, joined, a *Problem each.
func NewStore(pairs []Pair) (*Store, error) {
	s := &Store{now: time.Now}
	if err := s.Replace(pairs); err != nil {
		return nil, err
	}
	return s, nil
}

// Replace exchanges all certificates. Handshakes that begin from now on see the
// new ones; those under way end with what they have, and sessions can still be
// resumed. Errors are those of NewStore, and nothing has changed then.
func (s *Store) Replace(pairs []Pair) error {
	next, err := newSet(pairs)
	if err != nil {
		return err
	}
	s.set.Store(next)
	return nil
}

// Problems is what is wrong with the certificates that are being served, at
// this moment, in the order of the pairs; a *Problem each. Nil if all is well.
func (s *Store) Problems() []error {
	var problems []error
	now := s.now()
	for _, c := range s.set.Load().chains {
		if c.warning != nil {
			problems = append(problems, &Problem{Pair: c.name, Err: c.warning})
		}
		if len(c.names()) == 0 {
			problems = append(problems, &Problem{Pair: c.name, Err: ErrNoName})
		}
		for i, cert := range c.certs {
			switch {
			case now.After(cert.NotAfter):
				problems = append(problems, problem(c.name, ErrExpired, "certificate %d (%s) on %s",
					i+1, cert.Subject, cert.NotAfter.Format(time.RFC3339)))
			case now.Before(cert.NotBefore):
				problems = append(problems, problem(c.name, ErrNotYetValid, "certificate %d (%s) before %s",
					i+1, cert.Subject, cert.NotBefore.Format(time.RFC3339)))
			}
		}
	}
	return problems
}

// newSet checks the pairs and sorts them by name.
func newSet(pairs []Pair) (*set, error) {
	s := &set{exact: map[string][]*chain{}, wild: map[string][]*chain{}}
	var errs []error
	for _, pair := range pairs {
		c, problems := newChain(pair)
		if len(problems) != 0 {
			errs = append(errs, problems...)
			continue
		}
		s.add(c)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// add files a chain under each of its names, behind those that came before.
func (s *set) add(c *chain) {
	s.chains = append(s.chains, c)
	names := c.names()
	if len(s.chains) == 1 || sharesName(names, s.chains[0].names()) {
		s.fallback = append(s.fallback, c)
	}
	for _, name := range names {
		index := s.exact
		if rest, ok := strings.CutPrefix(name, "*."); ok {
			index, name = s.wild, rest
		}
		// A certificate may repeat a name.
		if list := index[name]; len(list) == 0 || list[len(list)-1] != c {
			index[name] = append(list, c)
		}
	}
}

func sharesName(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

// names are the canonical names that the certificate is for. Addresses are
// among them: they have no place in SNI (RFC 6066 section 3), but some clients
// put them there.
func (c *chain) names() []string {
	leaf := c.tls.Leaf
	names := make([]string, 0, len(leaf.DNSNames)+len(leaf.IPAddresses))
	for _, name := range leaf.DNSNames {
		if name = canonical(name); name != "" {
			names = append(names, name)
		}
	}
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// find is the certificate for the name that the client asks for, or nil. Exact
// names come before wildcards, which stand for one label (RFC 9525 section
// 6.3); but a wildcard that the client can verify comes before an exact name
// that it cannot.
func (s *set) find(hello *tls.ClientHelloInfo) *tls.Certificate {
	name := canonical(hello.ServerName)
	if name == "" {
		return nil
	}
	exact := s.exact[name]
	var wild []*chain
	if label, rest, ok := strings.Cut(name, "."); ok && label != "" {
		wild = s.wild[rest]
	}
	return choose(hello, exact, wild)
}

// choose is the first certificate that the client can verify; if there is none,
// the first one, for crypto/tls to say in an alert what does not fit.
func choose(hello *tls.ClientHelloInfo, lists ...[]*chain) *tls.Certificate {
	var first *chain
	count := 0
	for _, list := range lists {
		if first == nil && len(list) > 0 {
			first = list[0]
		}
		count += len(list)
	}
	switch count {
	case 0:
		return nil
	case 1:
		return &first.tls
	}
	// The name has been matched by our rules, not by SupportsCertificate's.
	nameless := *hello
	nameless.ServerName = ""
	for _, list := range lists {
		for _, c := range list {
			if nameless.SupportsCertificate(&c.tls) == nil {
				return &c.tls
			}
		}
	}
	return &first.tls
}
