package certs

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// TicketPeriod is how long one key seals new session tickets. A ticket is
// accepted until the second period after its own is over, so for 24 to 36
// hours: under the 7 days that RFC 8446 section 4.6.1 allows, and a compromise
// of a key costs no more than that.
const TicketPeriod = 12 * time.Hour

// Secret is what all ticket keys of a server are derived from. Every process of
// the server is given the same one, by other means than its environment or
// arguments, which others can read. Package fmt does not print it.
type Secret [32]byte

// NewSecret draws a secret at random.
func NewSecret() Secret {
	var s Secret
	rand.Read(s[:]) // never fails: the program ends where there is no randomness
	return s
}

// Format hides the secret from package fmt, under every verb, and so from logs.
// Encodings (JSON for one) are for handing it on, and show it.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, "certs.Secret(hidden)") }

// ErrNoSecret is the error of a secret that is all zeros: one that has not
// arrived.
var ErrNoSecret = errors.New("certs: the secret of session tickets is missing")

// Keys are the ticket keys at a time: first the one that seals, that of the
// current period; then, for opening only, those of the two before and of the
// next. Audience sets apart those who must not resume each other's sessions; it
// may be empty. Times before 1970 have periods too.
func Keys(secret Secret, audience string, now time.Time) [][32]byte {
	return periodKeys(secret, audience, periodOf(now))
}

// periodOf is the number of the period that a time is in, the same everywhere.
func periodOf(now time.Time) int64 {
	const seconds = int64(TicketPeriod / time.Second)
	unix := now.Unix()
	period := unix / seconds
	if unix%seconds < 0 {
		period-- // division rounds towards zero
	}
	return period
}

func periodKeys(secret Secret, audience string, period int64) [][32]byte {
	keys := make([][32]byte, 0, 4)
	for _, p := range [...]int64{period, period - 1, period - 2, period + 1} {
		// What is of one length comes first: no two inputs give the same text.
		info := binary.BigEndian.AppendUint64([]byte("bident session ticket key "), uint64(p))
		key, err := hkdf.Key(sha256.New, secret[:], nil, string(info)+audience, 32)
		if err != nil {
			// Too long a key is the only error (RFC 5869 section 2.3), and 32 is not.
			panic("certs: " + err.Error())
		}
		keys = append(keys, [32]byte(key))
	}
	return keys
}

// Tickets gives configurations session tickets that outlive them. See the
// package's documentation for how keys turn. It may be shared, also by stores,
// and is never changed.
type Tickets struct {
	// keys is periodKeys with the secret inside: package fmt prints a field that
	// is not exported without asking its Format.
	keys func(audience string, period int64) [][32]byte
	now  func() time.Time
}

// NewTickets makes tickets with a secret. Errors: ErrNoSecret if that is all
// zeros.
func NewTickets(secret Secret) (*Tickets, error) {
	if secret == (Secret{}) {
		return nil, ErrNoSecret
	}
	return &Tickets{
		keys: func(audience string, period int64) [][32]byte {
			return periodKeys(secret, audience, period)
		},
		now: time.Now,
	}, nil
}

// ring is the keys of one audience at the present period. A tls.Config holds
// them because its EncryptTicket and DecryptTicket are the only way to
// crypto/tls's own tickets; nobody shakes hands with it.
type ring struct {
	tickets  *Tickets
	audience string
	period   atomic.Int64
	mu       sync.Mutex // makes keys and period change together
	keys     tls.Config
}

func (t *Tickets) ring(audience string) *ring {
	r := &ring{tickets: t, audience: audience}
	period := periodOf(t.now())
	r.keys.SetSessionTicketKeys(t.keys(audience, period))
	r.period.Store(period)
	return r
}

// current is the holder of the present period's keys.
func (r *ring) current() *tls.Config {
	period := periodOf(r.tickets.now())
	if r.period.Load() != period {
		r.turn(period)
	}
	return &r.keys
}

// turn goes to a period. Two goroutines that read the clock on either side of
// the boundary may turn forth and back and forth: neighbours accept each
// other's tickets, so nobody notices.
func (r *ring) turn(period int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.period.Load() != period {
		r.keys.SetSessionTicketKeys(r.tickets.keys(r.audience, period))
		r.period.Store(period)
	}
}

// wrap is tls.Config's WrapSession.
func (r *ring) wrap(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
	return r.current().EncryptTicket(cs, ss)
}

// unwrap is tls.Config's UnwrapSession. A ticket that no key opens is no error,
// but a whole handshake.
func (r *ring) unwrap(identity []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
	return r.current().DecryptTicket(identity, cs)
}
