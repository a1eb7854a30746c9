package httpd

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/bident/bident/internal/certs"
)

// certificates are those of a running server, which a reload exchanges: in this
// process, and for the children that will be born.
type certificates struct {
	// orders is what children get to know of the front.
	orders atomic.Pointer[frontConfig]

	begun atomic.Uint64 // reloads
	mu    sync.Mutex
	used  uint64 // the latest reload whose certificates are in use
}

// open says what is wrong with the certificates that the server begins with, and
// prepares the orders of its children. Only children that accept connections get
// to know the keys.
func (c *certificates) open(plan *settings) {
	front := plan.front
	if front.TLS != nil {
		// They were checked with the other settings.
		if store, err := certs.NewStore(front.TLS.Pairs); err == nil {
			warn(plan.log, store)
		}
		front.TLS = nil
		if plan.accept.inChildren() {
			front.TLS = plan.front.TLS.with(plan.front.TLS.Pairs)
		}
	}
	c.orders.Store(&front)
}

// with is a copy for children, with other certificates.
func (c secureConfig) with(pairs []certs.Pair) *secureConfig {
	c.Pairs = forChildren(pairs)
	return &c
}

func warn(log *slog.Logger, store *certs.Store) {
	for _, problem := range store.Problems() {
		log.Warn("certificate", "problem", problem)
	}
}

// reread reads the certificates' files anew and checks them. Nothing has changed
// before use is called; then handshakes that begin see the new ones, as do
// children that are born. Of two reloads at a time the one that began later wins.
func (r *instance) reread() (use func() error, err error) {
	if r.plan.front.TLS == nil {
		return func() error { return nil }, nil
	}
	c := &r.certificates
	turn := c.begun.Add(1)
	pairs, err := r.server.TLS.check()
	if err != nil {
		return nil, err
	}
	store, err := certs.NewStore(pairs)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if turn < c.used {
			return nil
		}
		if r.front != nil {
			if err := r.front.store.Replace(pairs); err != nil {
				return fmt.Errorf("%w: %w", ErrConfig, err)
			}
		}
		if front := *c.orders.Load(); front.TLS != nil {
			front.TLS = front.TLS.with(pairs) // and the secret that tickets were sealed by
			c.orders.Store(&front)
		}
		c.used = turn
		warn(r.log, store)
		return nil
	}, nil
}
