package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/bident/bident/internal/certs"
)

// TLS is how https addresses are served: TLS 1.2 and 1.3 with Go's choice of
// ciphers, HTTP/1.1 only. For HTTP/2 and HTTP/3 put a proxy in front, such as
// nginx, Caddy or HAProxy: their multiplexing ends there anyway, since a worker
// runs one request at a time.
//
// The certificate of a connection is chosen by the name that the client asks for
// (RFC 6066, section 3); the first one serves all others. Certificates are read
// anew when the server reloads, without any connection noticing. Sessions can be
// resumed in all processes of a server; the keys for it change every 12 hours.
type TLS struct {
	// CertFiles are PEM files with a certificate and its chain, KeyFiles those
	// with the keys, in the same order; empty if the keys are in the former.
	CertFiles, KeyFiles []string
	// OnlyTLS13 refuses TLS 1.2, too.
	OnlyTLS13 bool
	// ACME obtains certificates by itself.
	ACME ACME
}

// ACME obtains and renews certificates from an authority such as Let's Encrypt
// (RFC 8555). It agrees to the authority's terms of service. The challenge is
// answered on the https address (TLS-ALPN-01), or by http addresses (HTTP-01),
// one of which must be reachable at port 443 or 80. Not with AcceptSlot: the
// children would each order their own.
type ACME struct {
	// Hosts are the names to have certificates for. None: no ACME.
	Hosts []string
	// Email is told to the authority.
	Email string
	// CacheDir keeps account, keys and certificates. Required.
	CacheDir string
	// Directory is the authority's URL. Default: Let's Encrypt.
	Directory string
}

// secureConfig is what a front needs for TLS, in this process or a child.
type secureConfig struct {
	Pairs     []certs.Pair
	Secret    certs.Secret
	OnlyTLS13 bool
	ACME      ACME
}

// read reads the certificates.
func (t TLS) read() ([]certs.Pair, error) {
	pairs, err := certs.ReadPairs(t.CertFiles, t.KeyFiles)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return pairs, nil
}

// check reads the certificates and reports every problem with them.
func (t TLS) check() ([]certs.Pair, error) {
	pairs, err := t.read()
	if err != nil {
		return nil, err
	}
	if len(pairs) > 0 {
		if _, err := certs.NewStore(pairs); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfig, err)
		}
	}
	if len(t.ACME.Hosts) > 0 {
		if err := t.ACME.certs().Validate(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfig, err)
		}
	}
	return pairs, nil
}

func (a ACME) certs() certs.ACME {
	return certs.ACME{Hosts: a.Hosts, Email: a.Email, CacheDir: a.CacheDir, DirectoryURL: a.Directory}
}

// secure makes a front able to speak TLS.
func (f *front) secure(c *secureConfig) error {
	store, err := certs.NewStore(c.Pairs)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	options := certs.Options{OnlyTLS13: c.OnlyTLS13}
	if options.Tickets, err = certs.NewTickets(c.Secret); err != nil {
		return fmt.Errorf("httpd: %w", err)
	}
	if len(c.ACME.Hosts) > 0 {
		if f.issuer, err = certs.NewIssuer(c.ACME.certs()); err != nil {
			return fmt.Errorf("%w: %w", ErrConfig, err)
		}
		options.Issuer = f.issuer
	}
	f.store, f.tls = store, store.Config(options)
	return nil
}

// handshake finishes the TLS handshake of a new connection, which has the time
// of a head.
func (c *conn) handshake() bool {
	f := c.front
	t := c.Conn.(*tls.Conn)
	ctx, cancel := context.WithTimeout(f.life, f.handshakeTime())
	defer cancel()
	c.shake(true)
	err := t.HandshakeContext(ctx)
	c.shake(false)
	if err != nil {
		var alert tls.RecordHeaderError
		if errors.As(err, &alert) && alert.Conn != nil && looksLikeHTTP(alert.RecordHeader[:]) {
			// As net/http says it, in the clear.
			_, _ = alert.Conn.Write([]byte("HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n" +
				"this is an https address: a plain request was sent to it\n"))
		}
		return false
	}
	return f.issuer == nil || !certs.IsChallenge(t.ConnectionState())
}

// shake says whether a handshake is being done. A read of it that is broken off ends
// it, so a front that has begun to drain leaves it alone.
func (c *conn) shake(begins bool) {
	f := c.front
	f.mu.Lock()
	defer f.mu.Unlock()
	c.shaking = begins
	switch {
	case begins && f.draining.Load():
		_ = c.Conn.SetReadDeadline(time.Now().Add(f.grace()))
	case !c.overdue():
		_ = c.Conn.SetReadDeadline(time.Time{})
	}
}

// grace is how long a connection with TLS that has carried no request may take to
// send its first one to a front that drains: less than the process has to leave,
// which could otherwise be killed with the answers of others in hand.
func (f *front) grace() time.Duration {
	t := f.handshakeTime()
	if by := f.graceBy.Load(); by != 0 {
		t = min(t, time.Until(time.Unix(0, by)))
	}
	return t
}

// looksLikeHTTP reports whether the first octets of a connection are a request
// without TLS.
func looksLikeHTTP(b []byte) bool {
	switch string(b) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH":
		return true
	}
	return false
}

// challenge answers an HTTP-01 validation. It reports false if the request is
// none.
func (c *conn) challenge() bool {
	d, f := c.desk, c.front
	if f.issuer == nil || c.secure {
		return false
	}
	body, status, ok := f.issuer.Challenge(string(d.ctx.Host()), string(d.ctx.Path()))
	if !ok {
		return false
	}
	d.ctx.SetStatusCode(status)
	d.ctx.SetContentType("application/octet-stream")
	d.ctx.SetBodyString(body)
	return true
}
