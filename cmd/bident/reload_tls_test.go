//go:build unix

package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// certificate is one that signs itself, in a file with its key.
type certificate struct {
	file string
	text []byte
	pool *x509.CertPool
}

// newCertificate makes a certificate and its file.
func newCertificate(t *testing.T, name string, hosts ...string) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: hosts,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := &certificate{file: filepath.Join(t.TempDir(), name+".pem"), pool: x509.NewCertPool()}
	c.pool.AddCert(parsed)
	c.text = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	writeFile(t, c.file, c.text)
	return c
}

func writeFile(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// secureClient is a client's connection.
type secureClient struct {
	*tls.Conn
	t *testing.T
	r *bufio.Reader
}

// connect shakes hands with a server that must show that certificate.
func connect(t *testing.T, url string, want *certificate, cache tls.ClientSessionCache) *secureClient {
	t.Helper()
	d := &net.Dialer{Timeout: patience}
	c, err := tls.DialWithDialer(d, "tcp", "127.0.0.1:"+port(t, url), &tls.Config{
		ServerName: "a.example", RootCAs: want.pool, ClientSessionCache: cache,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &secureClient{c, t, bufio.NewReader(c)}
}

// ask sends a request and reads the beginning of the answer.
func (c *secureClient) ask(target string) *http.Response {
	c.t.Helper()
	if _, err := io.WriteString(c, "GET "+target+" HTTP/1.1\r\nHost: a.example\r\n\r\n"); err != nil {
		c.t.Fatal(err)
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: %s", target, resp.Status)
	}
	return resp
}

// get asks for /hello.
func (c *secureClient) get() {
	c.t.Helper()
	resp := c.ask("/hello")
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "hello\n" {
		c.t.Fatalf("%q, %v", body, err)
	}
}

// TestReloadCertificates: a reload puts new certificates to use without a client
// noticing, and bad ones change nothing.
func TestReloadCertificates(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			first, second := newCertificate(t, "first", "a.example"), newCertificate(t, "second", "a.example")
			served := filepath.Join(t.TempDir(), "served.pem")
			writeFile(t, served, first.text)
			d := serveForTest(t, append([]string{"--listen=https://127.0.0.1:0", "--tls-cert=" + served}, k.flags...)...)
			d.errs = true
			url, cache := d.urls[0], tls.NewLRUClientSessionCache(1)
			connect(t, url, first, cache).get() // which brings the ticket
			kept, streaming := connect(t, url, first, nil), connect(t, url, first, nil)
			kept.get()
			stream := streaming.ask("/stream?n=20&ms=50")
			begin := make([]byte, len("chunk 0\n"))
			if _, err := io.ReadFull(stream.Body, begin); err != nil {
				t.Fatal(err)
			}

			writeFile(t, served, second.text)
			type outcome struct {
				text string
				code int
			}
			reloaded := make(chan outcome, 1)
			go func() {
				text, code := d.bident("ctl", "reload")
				reloaded <- outcome{text, code}
			}()
			rest, err := io.ReadAll(stream.Body)
			if err != nil || !bytes.HasSuffix(rest, []byte("chunk 19\n")) {
				t.Errorf("answer that was being sent: %v, %q", err, rest)
			}
			if o := <-reloaded; o.code != 0 {
				t.Fatalf("reload: %d: %s", o.code, o.text)
			}

			if k.name == "slot" {
				// A child that leaves ends its connections in good order.
				if _, err := kept.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
					t.Errorf("kept connection: %v, want its end", err)
				}
			} else {
				kept.get()
			}
			connect(t, url, second, nil).get()
			again := connect(t, url, first, cache)
			again.get()
			if !again.ConnectionState().DidResume {
				t.Error("the session from before the reload was not resumed")
			}

			badReloads(t, d, served, second, first)
		})
	}
}

// badReloads puts into the file of a server what cannot be served, and then what
// can.
func badReloads(t *testing.T, d *daemon, served string, now, next *certificate) {
	t.Helper()
	block, key := pem.Decode(now.text)
	_, otherKey := pem.Decode(next.text)
	certificate := pem.EncodeToMemory(block)
	for _, bad := range []struct {
		text   []byte
		reason string
	}{
		{[]byte("nonsense\n"), "malformed"},
		{key, "malformed"},
		{append(bytes.Clone(certificate), otherKey...), "the key does not fit the certificate"},
		{nil, "malformed"},
	} {
		writeFile(t, served, bad.text)
		text, code := d.bident("ctl", "reload")
		want := "bident: reload: nothing was changed: "
		if code != 1 || !strings.HasPrefix(text, want) || !strings.Contains(text, served+": ") ||
			!strings.Contains(text, bad.reason) {
			t.Errorf("reload of %q: status %d, %q; want 1, %q and %q", bad.text, code, text, want, bad.reason)
		}
		connect(t, d.urls[0], now, nil).get()
	}
	if err := os.Remove(served); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.waitLog(`msg="signal HUP" error=`)
	connect(t, d.urls[0], now, nil).get()
	if out, _ := d.bident("status", "--json"); !strings.Contains(out, `"generation":2,`) {
		t.Errorf("generation is not 2 after one good reload: %s", out)
	}

	writeFile(t, served, next.text)
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.waitLog("signal HUP: done")
	connect(t, d.urls[0], next, nil).get()
}

// TestReloadUnderLoad: while certificates change again and again no request over
// TLS fails, on kept connections or new ones.
func TestReloadUnderLoad(t *testing.T) {
	for _, k := range kinds() {
		if k.name == "slot" {
			continue // children take their connections with them, which clients may see
		}
		t.Run(k.name, func(t *testing.T) {
			all := []*certificate{newCertificate(t, "first", "a.example"), newCertificate(t, "second", "a.example")}
			served := filepath.Join(t.TempDir(), "served.pem")
			writeFile(t, served, all[0].text)
			d := serveForTest(t, append([]string{"--listen=https://127.0.0.1:0", "--tls-cert=" + served}, k.flags...)...)
			over := make(chan struct{})
			t.Cleanup(func() { <-over })
			go func() {
				defer close(over)
				config := &tls.Config{ServerName: "a.example", InsecureSkipVerify: true} // either will do
				strictClientOver(t, &http.Transport{TLSClientConfig: config}, d.urls[0], 90)
				strictClientOver(t, &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, d.urls[0], 30)
			}()
			for i := 1; ; i++ {
				select {
				case <-over:
					if i < 3 {
						t.Errorf("only %d reloads under load", i-1)
					}
					return
				default:
				}
				// Never half a file: a new one takes the place of the old one.
				writeFile(t, served+".new", all[i%2].text)
				if err := os.Rename(served+".new", served); err != nil {
					t.Error(err)
				}
				if out, code := d.bident("ctl", "reload"); code != 0 {
					t.Errorf("reload %d: %d %s", i, code, out)
				}
			}
		})
	}
}
