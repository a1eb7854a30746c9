package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
)

// minRSA is the shortest RSA key, in bits, that Go's crypto/rsa signs with.
const minRSA = 1024

// chain is a pair that was found fit to be served.
type chain struct {
	name    string // of the pair
	warning error
	tls     tls.Certificate
	certs   []*x509.Certificate // parsed, for dates
}

// newChain parses and checks one pair. All problems that can be found
// independently are returned, and no chain then.
func newChain(pair Pair) (*chain, []error) {
	c := &chain{name: pair.Name, warning: pair.Warning}
	errs := c.parseCertificates(pair.Cert)
	key, err := parseKey(pair.Name, pair.Key)
	if err != nil {
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		errs = c.check(key)
	}
	if len(errs) != 0 {
		return nil, errs
	}
	return c, nil
}

// parseCertificates reads all CERTIFICATE blocks of a text.
func (c *chain) parseCertificates(text []byte) []error {
	var errs []error
	blocks, err := parsePEM(c.name, "certificate", text)
	if err != nil {
		errs = append(errs, err)
	}
	number := 0
	for _, block := range blocks {
		if block.Type != "CERTIFICATE" {
			continue
		}
		number++
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			errs = append(errs, problem(c.name, ErrMalformed, "certificate %d: %w", number, err))
			continue
		}
		c.certs = append(c.certs, cert)
		c.tls.Certificate = append(c.tls.Certificate, block.Bytes)
	}
	if number == 0 && len(errs) == 0 {
		errs = append(errs, problem(c.name, ErrMalformed, "no PEM block of a certificate"))
	}
	return errs
}

// check looks at what needs the certificates and the key.
func (c *chain) check(key crypto.Signer) []error {
	leaf := c.certs[0]
	c.tls.Leaf, c.tls.PrivateKey = leaf, key
	if !fits(key, leaf) {
		for i, other := range c.certs[1:] {
			if fits(key, other) {
				return []error{problem(c.name, ErrChainOrder,
					"the key belongs to certificate %d, which must come first", i+2)}
			}
		}
		return []error{&Problem{Pair: c.name, Err: ErrKeyMismatch}}
	}
	var errs []error
	if err := usable(key, &c.tls); err != nil {
		errs = append(errs, problem(c.name, ErrUnusableKey, "%w", err))
	}
	for i, cert := range c.certs[1:] {
		if !signed(c.certs[i], cert) {
			errs = append(errs, problem(c.name, ErrChainOrder,
				"certificate %d (%s) is not signed by certificate %d (%s)",
				i+1, c.certs[i].Subject, i+2, cert.Subject))
		}
	}
	return errs
}

// fits says whether the key is the one that the certificate is about.
func fits(key crypto.Signer, cert *x509.Certificate) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(cert.PublicKey)
}

// signed says whether issuer signed cert. Signatures that Go does not verify,
// because the algorithm is too old or too new for it, are left to the client:
// only the order is looked at here, and the names tell that.
func signed(cert, issuer *x509.Certificate) bool {
	if !bytes.Equal(cert.RawIssuer, issuer.RawSubject) {
		return false
	}
	err := cert.CheckSignatureFrom(issuer)
	var insecure x509.InsecureAlgorithmError
	return err == nil || errors.As(err, &insecure) || errors.Is(err, x509.ErrUnsupportedAlgorithm)
}

// usable says why crypto/tls would fail in every handshake with this key. The
// client asked is one that can do everything.
func usable(key crypto.Signer, cert *tls.Certificate) error {
	if private, ok := key.(*rsa.PrivateKey); ok && private.N.BitLen() < minRSA {
		return errors.New("an RSA key needs 1024 bits at the least, better 2048")
	}
	client := &tls.ClientHelloInfo{
		SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
		SignatureSchemes: []tls.SignatureScheme{
			tls.PSSWithSHA256, tls.PSSWithSHA384, tls.PSSWithSHA512,
			tls.ECDSAWithP256AndSHA256, tls.ECDSAWithP384AndSHA384, tls.ECDSAWithP521AndSHA512,
			tls.Ed25519, tls.PKCS1WithSHA256, tls.PKCS1WithSHA384, tls.PKCS1WithSHA512,
		},
	}
	return client.SupportsCertificate(cert)
}

// parseKey finds the one private key of a text.
func parseKey(name string, text []byte) (crypto.Signer, error) {
	blocks, err := parsePEM(name, "key", text)
	if err != nil {
		return nil, err
	}
	var found *pem.Block
	for _, block := range blocks {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue // EC PARAMETERS; the certificates, if they share the file
		}
		if found != nil {
			return nil, problem(name, ErrMalformed, "more than one private key")
		}
		found = block
	}
	switch {
	case found == nil:
		return nil, problem(name, ErrMalformed, "no PEM block of a private key")
	case found.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(found.Headers["Proc-Type"], "ENCRYPTED"):
		return nil, problem(name, ErrEncryptedKey, "remove the passphrase")
	}
	key, err := parseDER(found.Bytes)
	if err != nil {
		return nil, problem(name, ErrMalformed, "private key: %w", err)
	}
	return key, nil
}

// parseDER reads a private key. The form is tried, not taken from the PEM type:
// programs disagree about the types. The error is about PKCS #8, today's form.
func parseDER(der []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err == nil {
		switch key := key.(type) {
		case *rsa.PrivateKey:
			return key, nil
		case *ecdsa.PrivateKey:
			return key, nil
		case ed25519.PrivateKey:
			return key, nil
		}
		return nil, errors.New("neither RSA nor ECDSA nor Ed25519")
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	return nil, err
}

// parsePEM splits a text into blocks. A block that begins and cannot be decoded
// is an error: pem.Decode passes over it, and a chain would silently lose a
// member. What stands between blocks is commentary (RFC 7468 section 2).
func parsePEM(name, what string, text []byte) ([]*pem.Block, error) {
	begun := bytes.Count(text, []byte("\n-----BEGIN "))
	if bytes.HasPrefix(text, []byte("-----BEGIN ")) {
		begun++
	}
	var blocks []*pem.Block
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		blocks = append(blocks, block)
	}
	if len(blocks) < begun {
		return blocks, problem(name, ErrMalformed, "%d of %d PEM blocks of the %s are damaged",
			begun-len(blocks), begun, what)
	}
	return blocks, nil
}
