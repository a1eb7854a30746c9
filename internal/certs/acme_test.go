package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// acmeServer is an authority of RFC 8555 for one host at a time: what autocert
// needs of it, and what a server must do wrong to be refused. Each order has
// one authorization and both challenges.
type acmeServer struct {
	*httptest.Server
	t         *testing.T
	authority *authority
	// validate says whether a challenge is answered rightly.
	validate func(kind, host, token, keyAuth string) error

	mu       sync.Mutex
	nonces   map[string]bool
	key      *ecdsa.PublicKey
	thumb    string
	orders   []*acmeOrder
	attempts []string // kinds of challenges
}

type acmeOrder struct {
	host, token   string
	status, authz string
	cert          []byte
}

func newACMEServer(t *testing.T, a *authority) *acmeServer {
	t.Helper()
	s := &acmeServer{t: t, authority: a, nonces: map[string]bool{}}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

// pool is what a client must trust to speak with the server.
func (s *acmeServer) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

func (s *acmeServer) count() (orders int, attempts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.orders), append([]string(nil), s.attempts...)
}

func (s *acmeServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	nonce := rand.Text()
	s.nonces[nonce] = true
	w.Header().Set("Replay-Nonce", nonce)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/directory":
		s.reply(w, 200, map[string]any{
			"newNonce": s.URL + "/nonce", "newAccount": s.URL + "/account", "newOrder": s.URL + "/order",
			"revokeCert": s.URL + "/revoke", "keyChange": s.URL + "/key",
			"meta": map[string]any{"termsOfService": s.URL + "/terms"},
		})
	case r.URL.Path == "/nonce":
		w.WriteHeader(200)
	default:
		payload, err := s.open(r)
		if err != nil {
			s.refuse(w, "malformed", err)
			return
		}
		s.post(w, r, payload)
	}
}

func (s *acmeServer) post(w http.ResponseWriter, r *http.Request, payload []byte) {
	var number int
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) >= 2 {
		if _, err := fmt.Sscan(parts[1], &number); err != nil || number >= len(s.orders) {
			s.refuse(w, "malformed", fmt.Errorf("no %s", r.URL.Path))
			return
		}
	}
	switch parts[0] {
	case "account":
		var account struct {
			Contact []string
			Agreed  bool `json:"termsOfServiceAgreed"`
		}
		if err := json.Unmarshal(payload, &account); err != nil || !account.Agreed || fmt.Sprint(account.Contact) != "[mailto:me@a.example]" {
			s.refuse(w, "userActionRequired", fmt.Errorf("account %s", payload))
			return
		}
		w.Header().Set("Location", s.URL+"/account/0")
		s.reply(w, 201, map[string]any{"status": "valid"})
	case "order":
		if len(parts) == 1 {
			var order struct {
				Identifiers []struct{ Type, Value string }
			}
			if err := json.Unmarshal(payload, &order); err != nil || len(order.Identifiers) != 1 || order.Identifiers[0].Type != "dns" {
				s.refuse(w, "malformed", fmt.Errorf("order %s", payload))
				return
			}
			number = len(s.orders)
			s.orders = append(s.orders, &acmeOrder{host: order.Identifiers[0].Value, token: rand.Text(), status: "pending", authz: "pending"})
			w.Header().Set("Location", fmt.Sprintf("%s/order/%d", s.URL, number))
			s.order(w, 201, number)
			return
		}
		s.order(w, 200, number)
	case "authz":
		order := s.orders[number]
		var challenges []map[string]any
		for _, kind := range []string{"tls-alpn-01", "http-01"} {
			challenges = append(challenges, map[string]any{"type": kind, "status": order.authz, "token": order.token,
				"url": fmt.Sprintf("%s/challenge/%d/%s", s.URL, number, kind)})
		}
		s.reply(w, 200, map[string]any{"status": order.authz, "challenges": challenges,
			"identifier": map[string]any{"type": "dns", "value": order.host}})
	case "challenge":
		order := s.orders[number]
		s.attempts = append(s.attempts, parts[2])
		order.authz, order.status = "invalid", "invalid"
		// Handlers run one at a time, but what is validated does not come here.
		if err := s.validate(parts[2], order.host, order.token, order.token+"."+s.thumb); err == nil {
			order.authz, order.status = "valid", "ready"
		}
		s.reply(w, 200, map[string]any{"type": parts[2], "status": "processing", "token": order.token, "url": s.URL + r.URL.Path})
	case "finalize":
		s.finalize(w, number, payload)
	case "cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		w.Write(s.orders[number].cert)
	default:
		s.refuse(w, "malformed", fmt.Errorf("no %s", r.URL.Path))
	}
}

func (s *acmeServer) order(w http.ResponseWriter, status, number int) {
	order := s.orders[number]
	s.reply(w, status, map[string]any{
		"status": order.status, "identifiers": []any{map[string]any{"type": "dns", "value": order.host}},
		"authorizations": []string{fmt.Sprintf("%s/authz/%d", s.URL, number)},
		"finalize":       fmt.Sprintf("%s/finalize/%d", s.URL, number),
		"certificate":    fmt.Sprintf("%s/cert/%d", s.URL, number),
	})
}

func (s *acmeServer) finalize(w http.ResponseWriter, number int, payload []byte) {
	order := s.orders[number]
	var request struct{ CSR string }
	err := json.Unmarshal(payload, &request)
	der, err2 := base64.RawURLEncoding.DecodeString(request.CSR)
	csr, err3 := x509.ParseCertificateRequest(der)
	if err := errors.Join(err, err2, err3); err != nil || order.status != "ready" ||
		csr.CheckSignature() != nil || fmt.Sprint(csr.DNSNames) != "["+order.host+"]" {
		s.refuse(w, "badCSR", fmt.Errorf("order %s: %w", order.status, err))
		return
	}
	leaf := s.authority.issue(s.t, &x509.Certificate{DNSNames: csr.DNSNames}, s.authority.middle, csr.PublicKey, s.authority.middleKey)
	order.cert, order.status = certPEM(leaf, s.authority.middle), "valid"
	s.order(w, 200, number)
}

// open verifies a request (RFC 8555 section 6.2) and returns its payload.
func (s *acmeServer) open(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil {
		return nil, err
	}
	var jws struct{ Protected, Payload, Signature string }
	var head struct {
		Alg, Nonce, URL, KID string
		JWK                  *struct{ Crv, Kty, X, Y string }
	}
	err = json.Unmarshal(body, &jws)
	protected, err2 := base64.RawURLEncoding.DecodeString(jws.Protected)
	payload, err3 := base64.RawURLEncoding.DecodeString(jws.Payload)
	signature, err4 := base64.RawURLEncoding.DecodeString(jws.Signature)
	if err := errors.Join(err, err2, err3, err4, json.Unmarshal(protected, &head)); err != nil {
		return nil, err
	}
	if r.Method != "POST" || !s.nonces[head.Nonce] || head.Alg != "ES256" || head.URL != s.URL+r.URL.Path || len(signature) != 64 {
		return nil, fmt.Errorf("request %s %s with head %s", r.Method, r.URL.Path, protected)
	}
	delete(s.nonces, head.Nonce)
	if head.JWK != nil {
		x, err := base64.RawURLEncoding.DecodeString(head.JWK.X)
		y, err2 := base64.RawURLEncoding.DecodeString(head.JWK.Y)
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		point := append(append([]byte{4}, x...), y...)
		if s.key, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":%q,"kty":%q,"x":%q,"y":%q}`, head.JWK.Crv, head.JWK.Kty, head.JWK.X, head.JWK.Y))
		s.thumb = base64.RawURLEncoding.EncodeToString(sum[:]) // RFC 7638
	}
	digest := sha256.Sum256([]byte(jws.Protected + "." + jws.Payload))
	if s.key == nil || !ecdsa.Verify(s.key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return nil, errors.New("the signature is wrong")
	}
	return payload, nil
}

func (s *acmeServer) reply(w http.ResponseWriter, status int, value any) {
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		s.t.Error(err)
	}
}

func (s *acmeServer) refuse(w http.ResponseWriter, kind string, err error) {
	w.Header().Set("Content-Type", "application/problem+json")
	s.reply(w, 400, map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": err.Error()})
}

// validateHTTP asks as the authority does over port 80.
func validateHTTP(issuer *Issuer, host, token, keyAuth string) error {
	body, status, ok := issuer.Challenge(host, challengePrefix+token)
	if !ok || status != 200 || body != keyAuth {
		return fmt.Errorf("answer %q, %d, %v, want %q", body, status, ok, keyAuth)
	}
	return nil
}

// validateALPN looks at the server as the authority does over port 443 (RFC
// 8737 section 3).
func validateALPN(config *tls.Config, host, keyAuth string) error {
	state, serverErr, clientErr := shake(config, &tls.Config{ServerName: host, NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true})
	if serverErr != nil || clientErr != nil {
		return fmt.Errorf("server: %w; client: %w", serverErr, clientErr)
	}
	cert := state.PeerCertificates[0]
	want := sha256.Sum256([]byte(keyAuth))
	for _, extension := range cert.Extensions {
		if extension.Id.String() == "1.3.6.1.5.5.7.1.31" && extension.Critical &&
			string(extension.Value) == "\x04\x20"+string(want[:]) && fmt.Sprint(cert.DNSNames) == "["+host+"]" && IsChallenge(state) {
			return nil
		}
	}
	return fmt.Errorf("certificate %v of %v proves nothing", cert.Extensions, cert.DNSNames)
}
