package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func write(t testing.TB, dir, name string, mode os.FileMode, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // past the umask
		t.Fatal(err)
	}
	return path
}

func TestReadPairs(t *testing.T) {
	a := newAuthority(t)
	dir := t.TempDir()
	one, two := a.pair(t, "", "one.example"), a.pair(t, "", "two.example")
	certFile := write(t, dir, "one.pem", 0o644, one.Cert)
	keyFile := write(t, dir, "one.key", 0o640, one.Key)
	open := write(t, dir, "open.key", 0o644, one.Key)
	both := write(t, dir, "both.pem", 0o600, append(bytes.Clone(two.Cert), two.Key...))

	for _, keys := range [][]string{{keyFile, ""}, {keyFile, both}} {
		pairs, err := ReadPairs([]string{certFile, both}, keys)
		if err != nil {
			t.Fatal(err)
		}
		if pairs[0].Name != certFile+", "+keyFile || pairs[1].Name != both {
			t.Errorf("names %q, %q", pairs[0].Name, pairs[1].Name)
		}
		if s := newStore(t, pairs...); s.Problems() != nil {
			t.Errorf("problems %v of closed files", s.Problems())
		}
	}
	if pairs, err := ReadPairs([]string{both}, nil); err != nil || len(pairs) != 1 {
		t.Errorf("no key files: %v, %v", pairs, err)
	}
	if pairs, err := ReadPairs(nil, nil); err != nil || len(pairs) != 0 {
		t.Errorf("no files: %v, %v", pairs, err)
	}

	pairs, err := ReadPairs([]string{certFile}, []string{open})
	if err != nil {
		t.Fatal(err)
	}
	if exposed := errors.Is(pairs[0].Warning, ErrKeyExposed); exposed != (runtime.GOOS != "windows") {
		t.Errorf("warning %v for a key that all can read", pairs[0].Warning)
	}
	if problems := newStore(t, pairs...).Problems(); runtime.GOOS != "windows" &&
		(len(problems) != 1 || !errors.Is(problems[0], ErrKeyExposed) || !strings.Contains(problems[0].Error(), open)) {
		t.Errorf("problems %v, want the open key by name", problems)
	}
}

func TestReadPairsErrors(t *testing.T) {
	dir := t.TempDir()
	huge := write(t, dir, "huge.pem", 0o600, make([]byte, maxFile+1))
	most := write(t, dir, "most.pem", 0o600, make([]byte, maxFile))
	noCert, noKey := filepath.Join(dir, "absent.pem"), filepath.Join(dir, "absent.key")
	pairs, err := ReadPairs([]string{noCert, huge, most}, []string{noKey, ""})
	if pairs != nil || err == nil {
		t.Fatalf("pairs %v, error %v", pairs, err)
	}
	for _, want := range []string{noCert + ": ", noKey + ": ", huge + ": malformed", "3 certificate files, but 2 key files"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), most) {
		t.Errorf("a file of the largest size is refused: %v", err)
	}
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ErrMalformed) {
		t.Errorf("sentinels are lost: %v", err)
	}
	if _, err := ReadPairs([]string{dir}, nil); err == nil {
		t.Error("a directory is a certificate")
	}
	if _, err := ReadPairs(nil, []string{most}); err == nil {
		t.Error("a key without a certificate")
	}
}

func TestPairProblems(t *testing.T) {
	a := newAuthority(t)
	good, other := a.pair(t, "good", "a.example"), a.pair(t, "other", "b.example")
	key := newECDSA(t)
	leaf := a.leaf(t, key, x509.Certificate{DNSNames: []string{"c.example"}})
	text := keyPEM(t, key)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short := shortRSA(t)
	join := func(texts ...[]byte) []byte { return bytes.Join(texts, nil) }
	half := good.Cert[:len(good.Cert)-60]
	for _, test := range []struct {
		name string
		pair Pair
		want error
		text string
	}{
		{"mismatch", Pair{Cert: good.Cert, Key: other.Key}, ErrKeyMismatch, ""},
		{"leaf last", Pair{Cert: join(certPEM(a.middle), certPEM(leaf)), Key: text}, ErrChainOrder, "certificate 2"},
		{"intermediates swapped", Pair{Cert: certPEM(leaf, a.root, a.middle), Key: text}, ErrChainOrder, "not signed by"},
		{"foreign intermediate of the same name", Pair{Cert: certPEM(leaf, newAuthority(t).middle), Key: text}, ErrChainOrder, ""},
		{"no certificate", Pair{Cert: text, Key: text}, ErrMalformed, "no PEM block of a certificate"},
		{"no key", Pair{Cert: good.Cert, Key: good.Cert}, ErrMalformed, "no PEM block of a private key"},
		{"empty", Pair{}, ErrMalformed, ""},
		{"garbage", Pair{Cert: []byte("\x00\xffgarbage"), Key: []byte("-----BEGIN")}, ErrMalformed, ""},
		{"truncated chain", Pair{Cert: half, Key: good.Key}, ErrMalformed, "1 of 2 PEM blocks of the certificate are damaged"},
		{"garbage in a block", Pair{Cert: []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), Key: good.Key}, ErrMalformed, "certificate 1"},
		{"garbage in the key", Pair{Cert: good.Cert, Key: []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")}, ErrMalformed, "private key"},
		{"two keys", Pair{Cert: good.Cert, Key: join(good.Key, other.Key)}, ErrMalformed, "more than one"},
		{"encrypted", Pair{Cert: good.Cert, Key: []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")}, ErrEncryptedKey, "passphrase"},
		{"encrypted in the old way", Pair{Cert: good.Cert, Key: []byte("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n")}, ErrEncryptedKey, ""},
		{"curve", a.pairFor(t, "", p224, x509.Certificate{DNSNames: []string{"x.example"}}), ErrUnusableKey, ""},
		{"RSA of 512 bits", a.pairFor(t, "", short, x509.Certificate{DNSNames: []string{"x.example"}}), ErrUnusableKey, "1024"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.pair.Name = "site.pem, site.key"
			s, err := NewStore([]Pair{test.pair})
			if s != nil || !errors.Is(err, test.want) {
				t.Fatalf("store %v, error %v, want %v", s, err, test.want)
			}
			if !strings.HasPrefix(err.Error(), "site.pem, site.key: ") || !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %q does not tell the files or %q", err, test.text)
			}
			var p *Problem
			if !errors.As(err, &p) || p.Pair != test.pair.Name {
				t.Errorf("error %v is no Problem of the pair", err)
			}
		})
	}

	t.Run("all at once", func(t *testing.T) {
		_, err := NewStore([]Pair{
			{Name: "first", Cert: good.Cert, Key: other.Key}, good,
			{Name: "third", Cert: []byte("x"), Key: []byte("y")},
		})
		if err == nil || strings.Count(err.Error(), "third: ") != 2 || strings.Count(err.Error(), "first: ") != 1 ||
			strings.Contains(err.Error(), "good: ") {
			t.Errorf("error %v, want one problem of the first and two of the third", err)
		}
	})
}

// shortRSA makes a key that Go itself refuses to generate.
func shortRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 512)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyForms(t *testing.T) {
	a := newAuthority(t)
	ec := newECDSA(t).(*ecdsa.PrivateKey)
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := newRSA(t, 2048).(*rsa.PrivateKey)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	template := x509.Certificate{DNSNames: []string{"a.example"}}
	parameters := []byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n")
	for _, test := range []struct {
		name string
		pair Pair
	}{
		{"SEC 1 behind its parameters", Pair{Cert: certPEM(a.leaf(t, ec, template), a.middle),
			Key: append(parameters, block("EC PRIVATE KEY", sec1)...)}},
		{"PKCS 1", Pair{Cert: certPEM(a.leaf(t, rsaKey, template), a.middle),
			Key: block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey))}},
		{"Ed25519", a.pairFor(t, "", ed, template)},
		{"comments and line ends", Pair{Cert: []byte("subject=x\r\n" + strings.ReplaceAll(
			string(certPEM(a.leaf(t, ec, template), a.middle)), "\n", "\r\n")), Key: keyPEM(t, ec)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStore(t, test.pair)
			meet(t, s.Config(Options{}), &tls.Config{RootCAs: a.pool, ServerName: "a.example"})
		})
	}
}

// FuzzPair goes past ReadPairs, which does not look at what it reads. Its seeds
// are short and the same in every process, or the fuzzer spends its time on
// minimizing them.
func FuzzPair(f *testing.F) {
	a := &authority{}
	issue := func(seed byte) Pair {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
		template := x509.Certificate{DNSNames: []string{"a.example", "*.b.example"},
			NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0)}
		return Pair{Cert: certPEM(a.issue(f, &template, nil, key.Public(), key)), Key: keyPEM(f, key)}
	}
	pair, other := issue(1), issue(2)
	f.Add(pair.Cert, pair.Key)
	f.Add(pair.Cert, other.Key)
	f.Add(append(bytes.Clone(pair.Cert), other.Cert...), pair.Key)
	f.Add(pair.Cert[:len(pair.Cert)-9], pair.Key[9:])
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), []byte("-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		s, err := NewStore([]Pair{{Name: "fuzzed", Cert: cert, Key: key}})
		if (s == nil) == (err == nil) {
			t.Fatalf("store %v, error %v", s, err)
		}
		if err != nil {
			var p *Problem
			if !errors.As(err, &p) || !strings.HasPrefix(err.Error(), "fuzzed: ") {
				t.Fatalf("error %v does not name the pair", err)
			}
			return
		}
		s.Problems()
		// What has been let in is shown under each of its names.
		for _, name := range append(s.set.Load().chains[0].names(), "", "unknown.example") {
			if cert, err := s.certificate(&tls.ClientHelloInfo{ServerName: name}, nil); err != nil || cert.Leaf == nil {
				t.Fatalf("%q: %v, %v", name, cert, err)
			}
		}
	})
}
