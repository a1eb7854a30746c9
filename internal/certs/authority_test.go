package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// authority is a root with one intermediate that issues for the tests.
type authority struct {
	root, middle       *x509.Certificate
	rootKey, middleKey crypto.Signer
	pool               *x509.CertPool
	serial             atomic.Int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{rootKey: newECDSA(t), middleKey: newECDSA(t), pool: x509.NewCertPool()}
	a.root = a.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "root"}, IsCA: true}, nil, a.rootKey.Public(), a.rootKey)
	a.middle = a.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "middle"}, IsCA: true}, a.root, a.middleKey.Public(), a.rootKey)
	a.pool.AddCert(a.root)
	return a
}

func newECDSA(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue signs a template after filling in what it leaves out; a nil parent
// makes it sign itself.
func (a *authority) issue(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(a.serial.Add(1))
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Now().Add(-time.Hour)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = template.NotBefore.Add(1000 * time.Hour)
	}
	template.BasicConstraintsValid = true
	if template.IsCA {
		template.KeyUsage = x509.KeyUsageCertSign
	} else {
		template.KeyUsage = x509.KeyUsageDigitalSignature
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// leaf issues a server's certificate by the intermediate.
func (a *authority) leaf(t testing.TB, key crypto.Signer, template x509.Certificate) *x509.Certificate {
	t.Helper()
	return a.issue(t, &template, a.middle, key.Public(), a.middleKey)
}

// pair issues a chain of leaf and intermediate for names.
func (a *authority) pair(t testing.TB, name string, dnsNames ...string) Pair {
	t.Helper()
	key := newECDSA(t)
	return a.pairFor(t, name, key, x509.Certificate{DNSNames: dnsNames})
}

func (a *authority) pairFor(t testing.TB, name string, key crypto.Signer, template x509.Certificate) Pair {
	t.Helper()
	return Pair{
		Name: name,
		Cert: certPEM(a.leaf(t, key, template), a.middle),
		Key:  keyPEM(t, key),
	}
}

func newRSA(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func certPEM(certs ...*x509.Certificate) []byte {
	var text []byte
	for _, cert := range certs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return text
}

func keyPEM(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func newStore(t testing.TB, pairs ...Pair) *Store {
	t.Helper()
	s, err := NewStore(pairs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// connect makes both ends of a connection. A net.Pipe would not do: it holds
// nothing, and in TLS 1.3 both ends may write at the same time.
func connect() (near, far net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	if far, err = l.Accept(); err != nil {
		near.Close()
		return nil, nil, err
	}
	return near, far, nil
}

// shake makes one connection between two configurations: a handshake and one
// octet to the client, after which it holds the session tickets.
func shake(server, client *tls.Config) (state tls.ConnectionState, serverErr, clientErr error) {
	near, far, err := connect()
	if err != nil {
		return state, err, err
	}
	deadline := time.Now().Add(time.Minute) // only a deadlock comes so far
	near.SetDeadline(deadline)
	far.SetDeadline(deadline)
	ended := make(chan error, 1)
	go func() {
		defer far.Close()
		conn := tls.Server(far, server)
		err := conn.Handshake()
		if err == nil {
			if _, err = conn.Write([]byte{'x'}); err == nil {
				io.Copy(io.Discard, conn)
			}
		}
		ended <- err
	}()
	conn := tls.Client(near, client)
	clientErr = conn.Handshake()
	if clientErr == nil {
		_, clientErr = io.ReadFull(conn, make([]byte, 1))
	}
	state = conn.ConnectionState()
	if clientErr == nil {
		conn.Close()
	}
	near.Close()
	return state, <-ended, clientErr
}

// meet is shake for handshakes that must succeed.
func meet(t testing.TB, server, client *tls.Config) tls.ConnectionState {
	t.Helper()
	state, serverErr, clientErr := shake(server, client)
	if serverErr != nil || clientErr != nil {
		t.Fatalf("handshake: server: %v; client: %v", serverErr, clientErr)
	}
	return state
}
