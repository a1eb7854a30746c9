package options

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// roundTrip prints settings and reads what was printed.
func roundTrip(t *testing.T, s *Settings) *Settings {
	t.Helper()
	var b bytes.Buffer
	if err := s.Print(&b); err != nil {
		t.Fatal(err)
	}
	again, err := Load([]string{"--config", "again.toml"}, nil, oneFile("again.toml", b.String()))
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, b.String())
	}
	return again
}

// difference names the first setting, other than the names of files, that is not the same.
func difference(a, b *Settings) string {
	rows := table(&b.Serve)
	for i, k := range table(&a.Serve) {
		if !k.file && tomlText(k.into) != tomlText(rows[i].into) {
			return k.Name
		}
	}
	return ""
}

func TestPrintIsReadAgain(t *testing.T) {
	for _, args := range [][]string{
		nil,
		{"--mode=fork", "--accept=slot", "--gomaxprocs=2", "--clear-env", "--env", "A=\"\\'#\t\n\x7f\u2028", "--env", "B="},
		{"--min-spare-servers=2", "--max-spare-servers=7", "--max-lifetime=100h30m", "--start-timeout=1ns"},
		{"--listen=http://:0", "--listen=http+unix:///a b", "--socket-mode=0600", "--backlog=100", "--admin=off", "--max-body-size=1025k"},
		{"--concurrency=64", "--pid-file=/run/é.pid", "--log-file=#", "--log-format=json", "--hup=stop", "--demo-faults", "--max-body-size=0"},
		{"--php-value=a='b c'", "--php-value=d=", "--socket-owner=:33", "--rlimit-core=unlimited", "--min-servers=0", "--max-idle=9s", "--param=A=b c", "--param=B=", "--root=/srv", "--", "php-cgi"},
		{"--max-servers=3", "--listen=fcgi://:1", "--limit-extensions=.php", "--", "php-cgi", "-d", "a=\"b\"", ""},
		{"--root=/srv", "--index=a.html", "--index=b", "--access-log=-", "--access-log-format=%h \"%r\"\t%>s", "--slow-request=1.5"},
		{"--listen=http://:80", "--listen=https://:443", "--tls-cert=a", "--tls-cert=b", "--tls-key=c", "--tls-key=", "--redirect-https", "--https-port=8443", "--tls-min-version=1.3"},
		{"--listen=https://:443", "--acme-host=a.example.", "--acme-host=XN--A.b-c.example", "--acme-email=a@b.example", "--acme-cache=/x", "--acme-directory=https://ca/d"},
		{"--allow=10\\.\\d{1,3}\\..*", "--allow=\\Q\n", "--deny=a|b", "--cidr-allow=::1", "--cidr-deny=10.0.0.0/8", "--reverse-lookups", "--trusted-proxy=unix", "--trusted-proxy=forwarded", "--proxy-protocol"},
		{"--max-header-size=1025", "--body-memory=1", "--header-timeout=0", "--read-timeout=0", "--write-timeout=1ms", "--idle-timeout=100h", "--max-connections-per-address=7"},
	} {
		s := load(t, args, nil, "", "")
		again := roundTrip(t, s)
		if d := difference(s, again); d != "" {
			t.Errorf("%q: differs in %s", args, d)
		}
		if fixed := Reloadable(s, again); len(fixed) != 1 || fixed[0] != "config" {
			t.Errorf("%q: not reloadable: %q", args, fixed)
		}
		for _, k := range Keys() {
			if !k.file && !strings.HasPrefix(again.Origin(k.Name), "again.toml:") {
				t.Errorf("%s was not printed", k.Name)
			}
		}
	}
}

func TestPrintText(t *testing.T) {
	s := load(t, []string{"--config", "a.toml", "--n-processes", "3"}, []string{"BIDENT_DIE_TIMEOUT=90"}, "a.toml", "\nhup = 'stop'")
	var b bytes.Buffer
	if err := s.Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# What\napp                         = \"demo\"                    # default\n",
		"max_servers                 = 3                         # flag --n-processes\n",
		"min_servers                 = 3                         # default\n",
		"die_timeout                 = \"1m30s\"                   # environment BIDENT_DIE_TIMEOUT\n",
		"hup                         = \"stop\"                    # a.toml:2\n",
		"max_connections_per_address = 0                         # default\n",
		"# config                    = \"a.toml\"                  # flag --config\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestPrintReturnsTheWritersError(t *testing.T) {
	if err := load(t, nil, nil, "", "").Print(brokenWriter{}); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

func TestTableCoversServe(t *testing.T) {
	var s Serve
	rows := map[any]string{}
	names := map[string]bool{}
	for _, k := range table(&s) {
		if rows[k.into] != "" {
			t.Errorf("%s and %s fill one field", k.Name, rows[k.into])
		}
		rows[k.into] = k.Name
		for _, name := range k.names() {
			if _, both := notBuilt[name]; names[name] || both {
				t.Errorf("%s stands twice", name)
			}
			names[name] = true
		}
		if want := "BIDENT_" + strings.ToUpper(k.Name); k.Env() != want {
			t.Errorf("%s: variable %s", k.Name, k.Env())
		}
		if k.Help == "" || k.Group == "" || (k.Arg == "") != (k.isBool() || k.noFlag) || strings.HasSuffix(k.Help, ".") {
			t.Errorf("row %+v", k)
		}
	}
	v := reflect.ValueOf(&s).Elem()
	for i := range v.NumField() {
		if rows[v.Field(i).Addr().Interface()] == "" {
			t.Errorf("field %s has no row", v.Type().Field(i).Name)
		}
	}
	if len(rows) != v.NumField() {
		t.Errorf("%d rows, %d fields", len(rows), v.NumField())
	}
}

func TestHelp(t *testing.T) {
	help := Help()
	for line := range strings.Lines(help) {
		if line = strings.TrimSuffix(line, "\n"); len(line) > 80 || strings.TrimRight(line, " ") != line {
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
	for _, k := range Keys() {
		if !strings.Contains(help, "\n  "+k.Flag()) {
			t.Errorf("%s is missing", k.Flag())
		}
	}
	at := 0
	for _, group := range []string{"What:", "Where:", "TLS:", "How:", "How many:", "How long (0: no limit):", "Queue:", "Daemon:", "Access log:", "Limits:", "Admin:"} {
		i := strings.Index(help[at:], "\n"+group+"\n")
		if i < 0 {
			t.Fatalf("group %s is missing or out of order", group)
		}
		at += i
	}
	for _, want := range []string{
		"  --max-servers N *         most workers (default: 50; in fork mode twice the\n                            CPUs); also --n-processes\n",
		"  --log-level N *           what to log: 0 errors, 1 warnings, 2 notices, 3\n",
		"  --tls-min-version VERSION\n                            oldest version",
		"--background, --check-for-dequeue,",
	} {
		if !strings.Contains(help, want) {
			t.Errorf("%q is missing in\n%s", want, help)
		}
	}
}
