package options

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTOML(t *testing.T) {
	s := load(t, []string{"--config", "etc/a.toml"}, nil, "etc/a.toml", "\ufeff# a comment\r\n"+
		"max_servers = 1_2 # a dozen\r\n"+
		"program = [\n  'php-cgi',\n  \"-b\",\n]\n"+
		"listen = ['fcgi://:1']\n"+
		"\"start_delay\" = 2.5\n"+
		"die_timeout = 90\n"+
		"retire_timeout = \"1h\"\n"+
		"pid_file = '''\na'''\n"+
		"max_body_size = 0x10000\n"+
		"socket_mode = 0o660\n"+
		"clear_env = true\n"+
		"env = [\"A=b c\"]\n")
	if s.MaxServers != 12 || !slices.Equal(s.Program, []string{"php-cgi", "-b"}) || !slices.Equal(s.Listen, []string{"fcgi://:1"}) ||
		s.StartDelay != 2500*time.Millisecond || s.DieTimeout != 90*time.Second || s.RetireTimeout != time.Hour || s.PIDFile != "a" ||
		s.MaxBodySize != 65536 || s.SocketMode != fs.FileMode(0o660) || !s.ClearEnv || !slices.Equal(s.Env, []string{"A=b c"}) {
		t.Errorf("got %+v", s.Serve)
	}
	for key, want := range map[string]string{
		"max_servers": "etc/a.toml:2", "program": "etc/a.toml:3", "listen": "etc/a.toml:7", "start_delay": "etc/a.toml:8",
		"pid_file": "etc/a.toml:11", "max_body_size": "etc/a.toml:13", "env": "etc/a.toml:16", "config": "flag --config",
	} {
		if s.Origin(key) != want {
			t.Errorf("origin of %s: %s, want %s", key, s.Origin(key), want)
		}
	}
}

func TestKeyValueLines(t *testing.T) {
	s := load(t, []string{"--conf-file", "server.conf"}, nil, "server.conf", `
### limits
max_servers        12
  min_servers=3
start_servers : 4      # with a comment
--max_requests 100

listen http://:1
listen	http+unix:///run/a=b.sock
program perl
program -T
start_delay 2.5
max_body_size = 64k
clear_env 1
socket_mode 0660
cidr_allow ::1
cidr_allow	::/0
cidr_allow = ::2
cidr_allow:::3
cidr_allow: ::4
cidr_deny : 10.0.0.0/8
`)
	if s.MaxServers != 12 || s.MinServers != 3 || s.StartServers != 4 || s.MaxRequests != 100 ||
		!slices.Equal(s.Listen, []string{"http://:1", "http+unix:///run/a=b.sock"}) || !slices.Equal(s.Program, []string{"perl", "-T"}) ||
		s.StartDelay != 2500*time.Millisecond || s.MaxBodySize != 65536 || !s.ClearEnv || s.SocketMode != 0o660 ||
		!slices.Equal(s.CIDRAllow, []string{"::1", "::/0", "::2", "::3", "::4"}) || !slices.Equal(s.CIDRDeny, []string{"10.0.0.0/8"}) {
		t.Errorf("got %+v", s.Serve)
	}
	for key, want := range map[string]string{"max_servers": "server.conf:3", "max_requests": "server.conf:6", "listen": "server.conf:8"} {
		if s.Origin(key) != want {
			t.Errorf("origin of %s: %s, want %s", key, s.Origin(key), want)
		}
	}
}

// fuzzFile checks that any file is either read, and then survives printing and
// reading, or refused with problems of one line each that name the file.
func fuzzFile(f *testing.F, name string) {
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Load([]string{"--config", name}, nil, func(string) ([]byte, error) { return text, nil })
		if err == nil {
			again := roundTrip(t, s)
			if difference(s, again) != "" {
				t.Errorf("%q: printed and read again differs in %s", text, difference(s, again))
			}
			return
		}
		for _, p := range err.(Problems) {
			if !strings.HasPrefix(p.String(), name+":") || p.What == "" || strings.ContainsAny(p.String(), "\n\r") || p.Usage {
				t.Errorf("%q: %q", text, p)
			}
		}
	})
}

func FuzzTOML(f *testing.F) {
	for _, text := range []string{
		"max_servers = 3\n", "listen = ['http://:1', \"http+unix:///a\\u0041\"]", "[a.b]\nc = 1", "[[a]]", "env = [[1]]", "a.b.c = {d = 1}",
		"start_delay = 1e3", "socket_mode = 0o660\nhup = '''\nstop'''", "pid_file = \"\\U0001F600\\t\"", "app = 1979-05-27T07:32:00Z", "=", "\"\" = 1",
		"program = ['x']\nmode = 'fork'\nenv = ['A=\\n']", "x = [", "max_servers = 0x", "\ufeffhup = 'stop'", "a = \"\"\"",
		"root = '/srv'\nindex = ['a', 'b']", "allow = ['10\\.\\d{1,3}', \"(\\n\"]", "cidr_deny = ['::ffff:1.2.3.4/120']\ntrusted_proxy = ['unix']\nproxy_protocol = true",
		"listen = ['https://:1', 'http://:2']\ntls_cert = ['a']\ntls_min_version = '1.3'\nredirect_https = true\nhttps_port = 0x1bb",
		"listen = ['https://:1']\nacme_host = ['a.example']\nacme_cache = 'c'\nacme_email = 'a@b'\nacme_directory = 'https://c/'",
		"access_log = '-'\naccess_log_format = '%h\t'\nslow_request = 1.5\nmax_header_size = 1024\nbody_memory = '1t'\nidle_timeout = 0",
		"hup = \"\"\"", "hup = 'stop'\nhup = 1",
	} {
		f.Add([]byte(text))
	}
	fuzzFile(f, "f.toml")
}

func FuzzKeyValue(f *testing.F) {
	for _, text := range []string{
		"max_servers 3\n", "# x\nhup = stop", "--log_level:4 # x", "listen http://:1\nlisten http://:2", "x", "=", ":", "--", "pid_file \xff",
		"program x\nenv A=b", "pid_file a\u2028b", "n_processes 3\nmax_servers 4", "\ufeffhup stop\r\n",
		"allow 10\\..*\ndeny [a\ncidr_allow ::1/128\nreverse_lookups 1", "root .\nindex a\nindex b", "trusted_proxy = fe80::%1", "access_log -\naccess_log_format %h%r",
		"listen https://:1\ntls_cert a\ntls_cert b\ntls_key c\ntls_key d", "acme_email \x01@b", "acme_directory https://%zz",
	} {
		f.Add([]byte(text))
	}
	fuzzFile(f, "f.conf")
}
