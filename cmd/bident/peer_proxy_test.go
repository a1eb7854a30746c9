//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const linux = runtime.GOOS == "linux"

// strictClient sends requests of all sorts from several goroutines and holds every
// answer to what it must be.
func strictClient(t *testing.T, base string, each int) {
	t.Helper()
	strictClientOver(t, new(http.Transport), base, each)
}

// strictClientOver is strictClient with connections of a certain kind.
func strictClientOver(t *testing.T, transport *http.Transport, base string, each int) {
	t.Helper()
	const goroutines = 8
	transport.MaxIdleConnsPerHost = goroutines
	if path, ok := strings.CutPrefix(base, "http+unix://"); ok {
		base = "http://socket"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	client := &http.Client{Timeout: patience, Transport: transport}
	defer client.CloseIdleConnections()
	pattern := make([]byte, 100_000)
	for i := range pattern {
		pattern[i] = byte(i % 251)
	}
	errs := make(chan error, goroutines)
	var wait sync.WaitGroup
	for g := range goroutines {
		wait.Go(func() {
			for i := range each {
				if err := oneRequest(client, base, g+i, pattern); err != nil {
					errs <- fmt.Errorf("request %d of %d: %w", i, g, err)
					return
				}
			}
		})
	}
	wait.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
}

// oneRequest sends the nth request.
func oneRequest(client *http.Client, base string, n int, pattern []byte) error {
	method, target, want := http.MethodGet, "/hello", []byte("hello\n")
	var body io.Reader
	switch n % 6 {
	case 1:
		size := n * 997 % len(pattern)
		target, want = fmt.Sprintf("/bytes?n=%d", size), pattern[:size]
	case 2: // with a length
		size := n * 991 % len(pattern)
		method, target, body, want = http.MethodPost, "/echo", bytes.NewReader(pattern[:size]), pattern[:size]
	case 3: // in chunks
		size := n * 983 % len(pattern)
		method, target, body = http.MethodPost, "/digest", io.MultiReader(bytes.NewReader(pattern[:size]))
		want = fmt.Appendf(nil, "method=POST len=%d sha1=%x\n", size, sha1.Sum(pattern[:size]))
	case 4:
		target, want = "/stream?n=3&ms=0", []byte("chunk 0\nchunk 1\nchunk 2\n")
	case 5:
		method, want = http.MethodHead, nil
	}
	req, err := http.NewRequest(method, base+target, body)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK || !bytes.Equal(got, want):
		return fmt.Errorf("%s %s: status %d, %d octets, want 200 and %d", method, target, resp.StatusCode, len(got), len(want))
	}
	return nil
}

// TestNginx: nginx as a reverse proxy that keeps its connections, over TCP and
// UNIX sockets.
func TestNginx(t *testing.T) {
	needPrograms(t, "nginx")
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			dir := shortDir(t)
			socket := filepath.Join(dir, "bident")
			args := append([]string{"--listen=http://127.0.0.1:0", "--listen=http+unix://" + socket,
				"--trusted-proxy=loopback", "--trusted-proxy=unix"}, k.flags...)
			if k.name != "slot" { // whose children take their connections with them
				args = append(args, "--max-requests=50")
			}
			d := serveForTest(t, args...)
			for _, upstream := range []string{"127.0.0.1:" + port(t, d.urls[0]), "unix:" + socket} {
				name, _, _ := strings.Cut(upstream, ":")
				t.Run(name, func(t *testing.T) {
					base := startNginx(t, upstream)
					strictClient(t, base, 60)
					answer, err := fetch(base + ":/env")
					if err != nil || !strings.Contains(answer, "REMOTE_ADDR=192.0.2.7\n") {
						t.Errorf("environment: %v\n%s", err, answer)
					}
				})
			}
		})
	}
}

// startNginx starts nginx in front of a server and returns its URL.
func startNginx(t *testing.T, upstream string) string {
	t.Helper()
	dir := shortDir(t)
	socket := filepath.Join(dir, "nginx")
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off; master_process off; pid %s/pid; error_log stderr warn;
events { worker_connections 256; }
http {
	access_log off;
	%s
	upstream bident { server %s; keepalive 16; }
	server {
		listen unix:%s;
		client_max_body_size 0;
		location / {
			proxy_pass http://bident;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header X-Forwarded-For 192.0.2.7;
			proxy_request_buffering off;
			proxy_next_upstream off;
		}
	}
}
`, dir, &temp, upstream, socket)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-c", conf, "-p", dir, "-e", "stderr")
	runPeer(t, cmd)
	waitSocket(t, socket)
	return "http+unix://" + socket
}

// TestHAProxy: HAProxy in front, with a header of the PROXY protocol, and as a
// proxy of HTTP that shares its connections among clients.
func TestHAProxy(t *testing.T) {
	needPrograms(t, "haproxy")
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Run("send-proxy-v2", func(t *testing.T) {
				d := serveForTest(t, append([]string{"--listen=http://127.0.0.1:0", "--trusted-proxy=loopback", "--proxy-protocol"}, k.flags...)...)
				base := startHAProxy(t, "tcp", "127.0.0.1:"+port(t, d.urls[0])+" send-proxy-v2")
				strictClient(t, base, 60)
				answer, err := fetch(base + "/env")
				_, front, _ := strings.Cut(base, "http://127.0.0.1:")
				if err != nil || !strings.Contains(answer, "\nSERVER_PORT="+front+"\n") {
					t.Errorf("environment does not tell of the address %s that the client has connected to: %v\n%s", base, err, answer)
				}
			})
			t.Run("http", func(t *testing.T) {
				flags := append([]string{"--listen=http://127.0.0.1:0"}, k.flags...)
				if k.name != "slot" {
					flags = append(flags, "--max-requests=50")
				}
				d := serveForTest(t, flags...)
				strictClient(t, startHAProxy(t, "http", "127.0.0.1:"+port(t, d.urls[0])), 60)
			})
		})
	}
}

// startHAProxy starts HAProxy in front of a server and returns its URL.
func startHAProxy(t *testing.T, mode, server string) string {
	t.Helper()
	address, file := inherited(t)
	conf := filepath.Join(shortDir(t), "haproxy.cfg")
	extra := ""
	if mode == "http" {
		extra = "\n\thttp-reuse always\n\toption http-keep-alive\n\tretries 0"
	}
	text := fmt.Sprintf(`global
	maxconn 256
defaults
	mode %s
	timeout connect 10s
	timeout client 30s
	timeout server 30s%s
listen front
	bind fd@3
	server bident %s
`, mode, extra, server)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("haproxy", "-db", "-f", conf)
	cmd.ExtraFiles = []*os.File{file}
	runPeer(t, cmd)
	return "http://" + address
}
