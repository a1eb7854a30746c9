package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"

	"golang.org/x/crypto/acme"
)

// protocol is the only application protocol that the front speaks (RFC 7301).
const protocol = "http/1.1"

// Options are what a tls.Config is made with. The zero value is a server of TLS
// 1.2 and 1.3 that asks for no client certificate and whose sessions can be
// resumed in this process and under this configuration only.
type Options struct {
	// OnlyTLS13 refuses TLS 1.2 as well; 1.0 and 1.1 are never accepted (RFC
	// 8996).
	OnlyTLS13 bool
	// ClientCAs are the authorities of client certificates, which are then asked
	// for. A client that shows one that cannot be verified is refused. Nil asks
	// for none.
	ClientCAs *ClientCAs
	// RequireClientCert refuses clients that show no certificate. It has no
	// meaning without ClientCAs.
	RequireClientCert bool
	// Tickets makes sessions resumable in all processes with the same secret, and
	// after a reload. Nil leaves the keys to crypto/tls.
	Tickets *Tickets
	// Issuer is asked for the hosts on its list that the store does not know. Nil:
	// no ACME.
	Issuer *Issuer
}

// Config makes a configuration for a server. It stays true to the store after
// Replace, so it is needed once for each set of options; it may be cloned, and
// the caller may change it before its first use. Give HandshakeContext a
// deadline: a certificate may have to be ordered. After the handshake the
// connection belongs to the caller unless IsChallenge says otherwise.
//
// Cipher suites, their order and the curves are those of crypto/tls, which
// knows the processor and grows with Go.
func (s *Store) Config(o Options) *tls.Config {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{protocol},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.certificate(hello, o.Issuer)
		},
	}
	if o.OnlyTLS13 {
		config.MinVersion = tls.VersionTLS13
	}
	if o.Issuer != nil {
		config.NextProtos = append(config.NextProtos, acme.ALPNProto)
	}
	audience := ""
	if o.ClientCAs != nil {
		config.ClientCAs = o.ClientCAs.pool
		config.ClientAuth = tls.VerifyClientCertIfGiven
		mode := "optional "
		if o.RequireClientCert {
			config.ClientAuth = tls.RequireAndVerifyClientCert
			mode = "required "
		}
		audience = mode + string(o.ClientCAs.digest[:])
	}
	if o.Tickets != nil {
		ring := o.Tickets.ring(audience)
		config.WrapSession, config.UnwrapSession = ring.wrap, ring.unwrap
	}
	return config
}

// certificate is tls.Config's GetCertificate.
func (s *Store) certificate(hello *tls.ClientHelloInfo, issuer *Issuer) (*tls.Certificate, error) {
	if issuer != nil && len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto {
		return issuer.certificate(hello)
	}
	set := s.set.Load()
	if cert := set.find(hello); cert != nil {
		return cert, nil
	}
	if issuer != nil && issuer.covers(hello.ServerName) {
		return issuer.certificate(hello)
	}
	if cert := choose(hello, set.fallback); cert != nil {
		return cert, nil
	}
	return nil, ErrNoCertificate
}

// IsChallenge says whether a connection was made to validate a host (TLS-ALPN-01).
// The validation is over with the handshake: close it (RFC 8737 section 3).
func IsChallenge(state tls.ConnectionState) bool {
	return state.NegotiatedProtocol == acme.ALPNProto
}

// ClientCAs are authorities of client certificates. It may be shared and is
// never changed.
type ClientCAs struct {
	pool   *x509.CertPool
	digest [sha256.Size]byte
}

// NewClientCAs reads authorities from PEM; name says in errors where the text
// is from. Errors: a *Problem with ErrMalformed for each block that is not
// right, joined, or if there is no certificate at all.
func NewClientCAs(name string, text []byte) (*ClientCAs, error) {
	c := &chain{name: name}
	if errs := c.parseCertificates(text); len(errs) != 0 {
		return nil, errors.Join(errs...)
	}
	cas := &ClientCAs{pool: x509.NewCertPool()}
	h := sha256.New()
	for _, cert := range c.certs {
		cas.pool.AddCert(cert)
		h.Write(cert.Raw) // DER says its own length
	}
	h.Sum(cas.digest[:0])
	return cas, nil
}
