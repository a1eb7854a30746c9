package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// fastcgiProxies are the web servers through which a FastCGI listener is reached, by
// name. Each function starts one and gives its URL, whose host may be a UNIX socket.
var fastcgiProxies = map[string]func(t *testing.T, socket string) string{
	"nginx keep_conn": func(t *testing.T, socket string) string {
		return startNginxFCGI(t, socket, "keepalive 64;", "fastcgi_keep_conn on;")
	},
	"nginx": func(t *testing.T, socket string) string { return startNginxFCGI(t, socket, "", "") },
	"Apache": func(t *testing.T, socket string) string {
		return startApache(t, `ProxyPass "/" "unix:`+socket+`|fcgi://bident/" enablereuse=on max=512`)
	},
}

// startNginxFCGI starts nginx in front of a FastCGI responder and returns its URL.
func startNginxFCGI(t *testing.T, socket, upstream, location string) string {
	t.Helper()
	needPrograms(t, "nginx")
	dir := shortDir(t)
	front := dir + "/nginx"
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	var params strings.Builder
	for _, name := range []string{"request_method", "query_string", "content_type", "content_length", "request_uri", "document_uri",
		"server_protocol", "remote_addr", "remote_port", "server_addr", "server_port", "server_name"} {
		fmt.Fprintf(&params, "fastcgi_param %s $%s;\n", strings.ToUpper(name), name)
	}
	conf := dir + "/nginx.conf"
	text := fmt.Sprintf(`daemon off; master_process off; pid %s/pid; error_log stderr crit;
worker_rlimit_nofile 8192;
events { worker_connections 2048; }
http {
	access_log off;
	%s
	upstream bident { server unix:%s; %s }
	server {
		listen unix:%s backlog=1024;
		client_max_body_size 0;
		client_header_buffer_size 80k;
		large_client_header_buffers 8 128k;
		keepalive_requests 100000;
		location / {
			fastcgi_pass bident;
			fastcgi_buffer_size 256k;
			fastcgi_buffers 8 256k;
			fastcgi_busy_buffers_size 512k;
			fastcgi_next_upstream off;
			fastcgi_param GATEWAY_INTERFACE CGI/1.1;
			fastcgi_param SCRIPT_NAME "";
			fastcgi_param PATH_INFO $uri;
			fastcgi_param HTTPS $https if_not_empty;
			%s
			%s
		}
	}
}
`, dir, &temp, socket, upstream, front, &params, location)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	runPeer(t, exec.Command("nginx", "-c", conf, "-p", dir, "-e", "stderr"))
	waitSocket(t, front)
	return "http+unix://" + front
}

// apacheModules is where Debian puts them.
const apacheModules = "/usr/lib/apache2/modules"

// startApache starts Apache with these directives and returns its URL. It cannot
// listen on a socket that it is given, nor on one of UNIX: a port is tried that was
// free a moment before.
func startApache(t *testing.T, directives string) string {
	t.Helper()
	needPrograms(t, "apache2")
	if _, err := os.Stat(apacheModules + "/mod_proxy_fcgi.so"); err != nil {
		t.Fatal(err) // it comes with apache2
	}
	for range 5 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		if tryApache(t, address, directives) {
			return "http://" + address
		}
	}
	t.Fatal("Apache does not start")
	return ""
}

func tryApache(t *testing.T, address, directives string) bool {
	dir := shortDir(t)
	var load strings.Builder
	for _, name := range []string{"mpm_event", "authz_core", "proxy", "proxy_fcgi"} {
		fmt.Fprintf(&load, "LoadModule %s_module %s/mod_%s.so\n", name, apacheModules, name)
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "User nobody\nGroup nogroup"
	}
	text := fmt.Sprintf(`%s
Listen %s
ServerName localhost
ServerRoot %s
DefaultRuntimeDir %s
PidFile %s/pid
ErrorLog /dev/stderr
LogLevel crit
%s
DocumentRoot %s
StartServers 2
ServerLimit 2
ThreadLimit 300
ThreadsPerChild 300
MinSpareThreads 600
MaxSpareThreads 600
MaxRequestWorkers 600
ListenBacklog 1024
KeepAlive On
MaxKeepAliveRequests 0
AllowEncodedSlashes NoDecode
LimitRequestFieldSize 131072
LimitRequestLine 131072
LimitRequestFields 1000
%s
`, &load, address, dir, dir, dir, user, dir, directives)
	conf := dir + "/apache.conf"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command("apache2", "-f", conf, "-DFOREGROUND")
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- cmd.Wait() }()
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; time.Now().Before(deadline); pause = min(2*pause, 50*time.Millisecond) {
		select {
		case <-over:
			t.Logf("Apache: %s", &log)
			return false
		default:
		}
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			t.Cleanup(func() {
				// It ends its own processes, if it is asked to.
				if err := cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
					t.Error(err)
				}
				select {
				case <-over:
				case <-time.After(patience):
					_ = cmd.Process.Kill()
					t.Error("Apache does not end")
				}
				if t.Failed() {
					t.Logf("Apache: %s", &log)
				}
			})
			return true
		}
		time.Sleep(pause)
	}
	_ = cmd.Process.Kill()
	<-over
	return false
}
