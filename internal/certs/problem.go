package certs

import (
	"errors"
	"fmt"
)

// What is wrong with a pair so that it cannot be served.
var (
	// ErrMalformed says that a file is not what it should be: no or damaged PEM,
	// a certificate or a key that cannot be parsed, none or too many of them.
	ErrMalformed = errors.New("malformed")
	// ErrKeyMismatch says that the key is not the certificate's.
	ErrKeyMismatch = errors.New("the key does not fit the certificate")
	// ErrChainOrder says that a certificate is not signed by the one after it.
	ErrChainOrder = errors.New("the chain is out of order")
	// ErrEncryptedKey says that the key needs a passphrase; a server that starts
	// by itself has nobody to ask.
	ErrEncryptedKey = errors.New("the key is encrypted")
	// ErrUnusableKey says that crypto/tls signs nothing with such a key: an RSA
	// key under 1024 bits, an unusual curve.
	ErrUnusableKey = errors.New("the key is of no use for TLS")
)

// What is wrong with a pair that is served all the same.
var (
	// ErrExpired says that a certificate of the chain is past its last day.
	ErrExpired = errors.New("expired")
	// ErrNotYetValid says that the first day of a certificate of the chain is yet
	// to come.
	ErrNotYetValid = errors.New("not yet valid")
	// ErrKeyExposed says that any user of the system can read or write the file
	// that holds the key.
	ErrKeyExposed = errors.New("the key file is open to other users")
	// ErrNoName says that the certificate has no subject alternative name. The
	// common name is not looked at (RFC 9525 section 2): clients reject it too.
	ErrNoName = errors.New("the certificate names no host")
)

// ErrNoCertificate is what a handshake ends with if the store is empty and no
// issuer is in charge of the name.
var ErrNoCertificate = errors.New("certs: no certificate for this client")

// Problem is one thing that is wrong with one pair.
type Problem struct {
	// Pair is the Name of the pair.
	Pair string
	// Err wraps one of the sentinels, or an error of the operating system.
	Err error
}

// Error is the name of the pair and what is wrong with it.
func (p *Problem) Error() string { return p.Pair + ": " + p.Err.Error() }

// Unwrap is Err.
func (p *Problem) Unwrap() error { return p.Err }

// problem makes a Problem of a sentinel and an explanation.
func problem(pair string, sentinel error, format string, args ...any) *Problem {
	return &Problem{Pair: pair, Err: fmt.Errorf("%w: "+format, append([]any{sentinel}, args...)...)}
}
