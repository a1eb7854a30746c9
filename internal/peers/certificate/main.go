// Command certificate writes a self-signed certificate for loopback, and its
// key, for comparisons over TLS. Both sides of a comparison serve the same one.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"log"
	"math/big"
	"net"
	"os"
	"time"
)

func main() {
	certFile := flag.String("cert", "cert.pem", "file for the certificate")
	keyFile := flag.String("key", "key.pem", "file for the key")
	flag.Parse()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "localhost"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		log.Fatal(err)
	}
	write(*certFile, "CERTIFICATE", certificate, 0o644)
	write(*keyFile, "PRIVATE KEY", secret, 0o600)
}

func write(name, kind string, octets []byte, mode os.FileMode) {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: octets})
	if err := os.WriteFile(name, text, mode); err != nil {
		log.Fatal(err)
	}
}
