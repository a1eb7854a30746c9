package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// maxWaiting is how many handshakes may wait inside autocert for the
// certificate of one host. They cannot be called back from there.
const maxWaiting = 64

// ErrCacheExposed says that others than its owner can get at the directory that
// holds the keys of the certificates.
var ErrCacheExposed = errors.New("the ACME cache directory is open to other users")

// ACME says which certificates an Issuer obtains, and where. Using it means
// agreeing to the authority's terms of service.
type ACME struct {
	// Hosts are the names to obtain certificates for, one certificate each. There
	// must be one at least. Wildcards and addresses are not possible: neither
	// challenge can prove them. International names in their xn-- form.
	Hosts []string
	// Email is told to the authority for notices; "" tells none.
	Email string
	// CacheDir is the directory of the account key, the certificates and their
	// keys. It is made with mode 0700 if it does not exist, and must be as closed
	// as that if it does. Required: authorities limit how often one may ask.
	CacheDir string
	// DirectoryURL is the authority's directory (RFC 8555 section 7.1.1), with
	// https; "" is Let's Encrypt.
	DirectoryURL string
	// RootCAs are trusted for the connection to the authority; nil: the system's.
	// For an authority of one's own.
	RootCAs *x509.CertPool
}

// Validate returns every problem at once, joined; nil if there is none. It does
// not look at the cache directory.
func (a ACME) Validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("certs: ACME "+format, args...))
	}
	if len(a.Hosts) == 0 {
		bad("needs a host")
	}
	for _, host := range a.Hosts {
		name := canonical(host)
		_, notAddress := netip.ParseAddr(strings.Trim(name, "[]"))
		switch {
		case notAddress == nil:
			bad("host %q is an address", host)
		case strings.HasPrefix(name, "*."):
			bad("host %q: a wildcard needs DNS-01, which is not built in", host)
		case !validName(name) || strings.Contains(name, "_"):
			bad("host %q is not a host name", host)
		case !strings.Contains(name, "."):
			bad("host %q has one label only", host)
		}
	}
	if a.Email != "" {
		if addr, err := mail.ParseAddress(a.Email); err != nil || addr.Address != a.Email {
			bad("email %q is not an address", a.Email)
		}
	}
	if a.CacheDir == "" {
		bad("needs a cache directory")
	}
	if a.DirectoryURL != "" {
		u, err := url.Parse(a.DirectoryURL)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			bad("directory %q is not an https URL", a.DirectoryURL)
		}
	}
	return errors.Join(errs...)
}

// Issuer obtains certificates, keeps them and renews them. There should be one
// for the life of a server; see the package's documentation. All methods may be
// called by any number of goroutines.
type Issuer struct {
	manager   *autocert.Manager
	challenge http.Handler
	slots     map[string]chan struct{} // by host; never changes
}

// NewIssuer makes an issuer and its cache directory. Nothing is ordered yet:
// the first handshake for a host does that. Call it after privileges have been
// dropped, or the directory belongs to the wrong user. Errors: those of
// Validate; of the file system; ErrCacheExposed.
func NewIssuer(a ACME) (*Issuer, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	if err := prepareCache(a.CacheDir); err != nil {
		return nil, fmt.Errorf("certs: ACME cache: %w", err)
	}
	i := &Issuer{slots: make(map[string]chan struct{}, len(a.Hosts))}
	for _, host := range a.Hosts {
		i.slots[canonical(host)] = make(chan struct{}, maxWaiting)
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     &tls.Config{RootCAs: a.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     30 * time.Second,
		ForceAttemptHTTP2:   true,
	}
	i.manager = &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(a.CacheDir),
		HostPolicy: i.policy,
		Email:      a.Email,
		Client: &acme.Client{
			DirectoryURL: a.DirectoryURL,
			HTTPClient:   &http.Client{Transport: transport, Timeout: time.Minute},
			UserAgent:    "bident",
		},
	}
	if a.DirectoryURL == "" {
		i.manager.Client.DirectoryURL = autocert.DefaultACMEDirectory
	}
	// Asking for the handler is what makes the manager try HTTP-01, too.
	i.challenge = i.manager.HTTPHandler(http.NotFoundHandler())
	return i, nil
}

// prepareCache makes the directory and sees that it is private and can be
// written: autocert does not tell when it cannot keep a certificate, and would
// order a new one at every start.
func prepareCache(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	// Windows keeps no such bits; Go reports the same for every directory there.
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %04o, not 0700", ErrCacheExposed, dir, mode)
	}
	f, err := os.CreateTemp(dir, "writable")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// policy is autocert's HostPolicy.
func (i *Issuer) policy(_ context.Context, host string) error {
	if !i.covers(host) {
		return fmt.Errorf("certs: ACME host %q is not on the list", host)
	}
	return nil
}

// covers says whether the host is on the list.
func (i *Issuer) covers(host string) bool { return i.slots[canonical(host)] != nil }

// certificate is the certificate of a host on the list, ordered if need be, or
// that of a challenge. It waits, but not longer than the handshake, unless it
// is one of the maxWaiting that have gone into autocert.
func (i *Issuer) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	challenged := len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto
	slot := i.slots[canonical(hello.ServerName)]
	switch {
	case slot == nil:
		return nil, ErrNoCertificate
	case challenged:
		// The authority must get in while the others wait for what it decides.
		return i.manager.GetCertificate(hello)
	}
	select {
	case slot <- struct{}{}:
		defer func() { <-slot }()
		return i.manager.GetCertificate(hello)
	case <-hello.Context().Done():
		return nil, fmt.Errorf("certs: waiting for the certificate of %s: %w",
			hello.ServerName, context.Cause(hello.Context()))
	}
}

// challengePrefix is where HTTP-01 asks (RFC 8555 section 8.3).
const challengePrefix = "/.well-known/acme-challenge/"

// Challenge answers an HTTP-01 validation: the request's Host, with or without
// port, and the path of its target, for GET and HEAD over plain HTTP. If ok is
// false the request is an ordinary one, for there is no challenge at that path
// or the host is not on the list. Else status is 200 and body the key
// authorization (as application/octet-stream), or 404 with a line of text.
// Redirects to https must come after it.
func (i *Issuer) Challenge(host, path string) (body string, status int, ok bool) {
	token, ok := strings.CutPrefix(path, challengePrefix)
	if !ok {
		return "", 0, false
	}
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 {
		host = host[:colon] // no host on the list is an address of version 6
	}
	host = canonical(host)
	if !i.covers(host) {
		return "", 0, false
	}
	answer := &answer{header: http.Header{}}
	if validToken(token) {
		i.challenge.ServeHTTP(answer, &http.Request{
			Method: http.MethodGet, Host: host, URL: &url.URL{Path: path},
		})
	}
	if answer.status != http.StatusOK {
		return "no such challenge\n", http.StatusNotFound, true
	}
	return answer.body.String(), http.StatusOK, true
}

// validToken keeps what cannot be a token away from the cache, where it is part
// of a file name. Tokens are base64url (RFC 8555 section 8.1).
func validToken(token string) bool {
	if len(token) == 0 || len(token) > 128 {
		return false
	}
	for i := range len(token) {
		if c := token[i]; !isAlpha(c) && !isDigit(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// answer is an http.ResponseWriter that remembers.
type answer struct {
	header http.Header
	status int
	body   strings.Builder
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}
