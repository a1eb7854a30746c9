package options

import (
	"errors"
	"io/fs"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// oneFile is a readFile for tests that knows a single file.
func oneFile(name, text string) func(string) ([]byte, error) {
	return func(asked string) ([]byte, error) {
		if asked != name || name == "" {
			return nil, &fs.PathError{Op: "open", Path: asked, Err: fs.ErrNotExist}
		}
		return []byte(text), nil
	}
}

// load loads settings that must be right.
func load(t *testing.T, args, environ []string, name, text string) *Settings {
	t.Helper()
	s, err := Load(args, environ, oneFile(name, text))
	if err != nil {
		t.Fatalf("Load(%q, %q): %v", args, environ, err)
	}
	return s
}

func TestPrecedence(t *testing.T) {
	const flag, variable, file = "--max-servers=4", "BIDENT_MAX_SERVERS=3", "# two lines\nmax_servers = 2\n"
	for _, test := range []struct {
		args, environ []string
		file          string
		want          int
		origin        string
	}{
		{nil, nil, "", 50, "default"},
		{nil, nil, file, 2, "bident.toml:2"},
		{nil, []string{variable}, "", 3, "environment BIDENT_MAX_SERVERS"},
		{nil, []string{variable}, file, 3, "environment BIDENT_MAX_SERVERS"},
		{[]string{flag}, nil, "", 4, "flag --max-servers"},
		{[]string{flag}, nil, file, 4, "flag --max-servers"},
		{[]string{flag}, []string{variable}, "", 4, "flag --max-servers"},
		{[]string{flag}, []string{variable}, file, 4, "flag --max-servers"},
		{[]string{"--n-processes", "5"}, []string{variable}, file, 5, "flag --n-processes"},
		{[]string{flag, "--max-servers", "6"}, nil, "", 6, "flag --max-servers"},
		{nil, []string{"BIDENT_MAX_SERVERS="}, file, 2, "bident.toml:2"},
		{nil, []string{"BIDENT_MAX_SERVERS=9", variable}, "", 3, "environment BIDENT_MAX_SERVERS"},
		{nil, []string{"BIDENT_N_PROCESSES=7"}, file, 7, "environment BIDENT_N_PROCESSES"},
	} {
		s := load(t, append([]string{"--config", "bident.toml"}, test.args...), test.environ, "bident.toml", test.file)
		if s.MaxServers != test.want || s.Origin("max_servers") != test.origin {
			t.Errorf("%q %q %q: max_servers %d from %s, want %d from %s", test.args, test.environ, test.file,
				s.MaxServers, s.Origin("max_servers"), test.want, test.origin)
		}
		if s.IsSet("max_servers") != (test.origin != "default") {
			t.Errorf("%q: IsSet = %v", test.args, s.IsSet("max_servers"))
		}
	}
}

func TestListsReplaceWeakerLists(t *testing.T) {
	const file = `listen = ["http://:1", "http://:2"]`
	for _, test := range []struct {
		args, environ []string
		file          string
		want          []string
	}{
		{nil, nil, "", []string{"http://127.0.0.1:8080"}},
		{nil, nil, file, []string{"http://:1", "http://:2"}},
		{nil, []string{"BIDENT_LISTEN=http://:3,http://:4"}, file, []string{"http://:3", "http://:4"}},
		{[]string{"--listen", "http://:5", "--listen=http://[::1]:6"}, []string{"BIDENT_LISTEN=http://:3"}, file, []string{"http://:5", "http://[::1]:6"}},
	} {
		s := load(t, append([]string{"--config", "a.toml"}, test.args...), test.environ, "a.toml", test.file)
		if !slices.Equal(s.Listen, test.want) {
			t.Errorf("%q %q %q: listen %q, want %q", test.args, test.environ, test.file, s.Listen, test.want)
		}
	}
}

func TestDefaults(t *testing.T) {
	s := load(t, nil, nil, "", "")
	want := Serve{
		App: "demo", Listen: []string{"http://127.0.0.1:8080"}, Mode: "emulate", Concurrency: 1, Accept: "auto",
		UpstreamKeep: time.Second,
		MaxServers:   50, MinServers: 50, StartServers: 50,
		CheckForWaiting: 10 * time.Second, CheckForSpawn: 30 * time.Second, MinChildTTL: 10 * time.Second, MaxSurge: 1,
		MaxRequests: 1000, StartTimeout: time.Minute, DieTimeout: time.Minute, CheckForDead: 30 * time.Second, MaxLost: 10,
		QueueSize: 1024, QueueTimeout: 30 * time.Second, LogLevel: 2, LogFormat: "text", HUP: "reload", MaxBodySize: 64 << 20,
		Index: []string{"index.html"}, CGIPrefix: "/cgi-bin/", TLSMinVersion: "1.2", HTTPSPort: 443, AccessLogFormat: "combined",
		MaxHeaderSize: 64 << 10, BodyMemory: 256 << 20, HeaderTimeout: 15 * time.Second,
		ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
	}
	if !reflect.DeepEqual(s.Serve, want) {
		t.Errorf("got  %+v\nwant %+v", s.Serve, want)
	}
}

func TestDerivedDefaults(t *testing.T) {
	type derived struct {
		mode, app                    string
		maxS, minS, start, maxReqest int
	}
	fork := 2 * runtime.GOMAXPROCS(0)
	for args, want := range map[string]derived{
		"":                                      {"emulate", "demo", 50, 50, 50, 1000},
		"--mode=fork":                           {"fork", "demo", fork, fork, fork, 1000},
		"-- /bin/x -v":                          {"fork", "", fork, fork, fork, 1000},
		"--concurrency 2":                       {"emulate", "demo", 50, 50, 50, 0},
		"--concurrency 2 --max-requests 9":      {"emulate", "demo", 50, 50, 50, 9},
		"--min-spare-servers 2":                 {"emulate", "demo", 50, 5, 5, 1000},
		"--max-spare-servers 2 --max-servers 3": {"emulate", "demo", 3, 3, 3, 1000},
		"--min-servers 0 --max-servers 3":       {"emulate", "demo", 3, 0, 0, 1000},
		"--n-processes 4 --min-servers 1 --start-servers 2": {"emulate", "demo", 4, 1, 2, 1000},
		"--min-spare-servers 7":                             {"emulate", "demo", 50, 5, 7, 1000},
		"--min-spare-servers 0 --max-servers 8":             {"emulate", "demo", 8, 8, 8, 1000},
		"--max-servers 3 --mode fork -- perl x.pl":          {"fork", "", 3, 3, 3, 1000},
		"--root /srv": {"emulate", "", 50, 50, 50, 1000},
		"--root=":     {"emulate", "demo", 50, 50, 50, 1000},
	} {
		s := load(t, strings.Fields(args), nil, "", "")
		got := derived{s.Mode, s.App, s.MaxServers, s.MinServers, s.StartServers, s.MaxRequests}
		if got != want {
			t.Errorf("%s: %+v, want %+v", args, got, want)
		}
	}
}

func TestArgumentForms(t *testing.T) {
	s := load(t, []string{
		"--max-servers", "3", "--queue-size=7", "--clear-env", "--demo-faults=false", "--demo-faults", "--demo-faults=no",
		"--request-timeout", "1.5", "--max-body-size", "2G", "--env", "A=1,2", "--env=B=", "--pid-file", "-", "--log-file=--x",
		"--mode", "fork", "--socket-mode", "660", "--admin=off",
	}, nil, "", "")
	if s.MaxServers != 3 || s.QueueSize != 7 || !s.ClearEnv || s.DemoFaults || s.RequestTimeout != 1500*time.Millisecond ||
		s.MaxBodySize != 2<<30 || !slices.Equal(s.Env, []string{"A=1,2", "B="}) || s.PIDFile != "-" || s.LogFile != "--x" ||
		s.SocketMode != 0o660 || s.Admin != "off" {
		t.Errorf("got %+v", s.Serve)
	}
	s = load(t, []string{"--max-servers", "3", "--", "perl", "--max-servers", "--", "-x"}, nil, "", "")
	if !slices.Equal(s.Program, []string{"perl", "--max-servers", "--", "-x"}) || s.MaxServers != 3 {
		t.Errorf("program %q, max_servers %d", s.Program, s.MaxServers)
	}
	if s.Origin("program") != "arguments after --" {
		t.Errorf("origin of program: %s", s.Origin("program"))
	}
}

func TestHelpIsAskedFor(t *testing.T) {
	for _, args := range []string{"--help", "-h", "-help", "--max-servers 3 --help", "--nonsense --help -- x"} {
		if _, err := Load(strings.Fields(args), nil, oneFile("", "")); !errors.Is(err, ErrHelp) {
			t.Errorf("%s: %v", args, err)
		}
	}
	if s := load(t, []string{"--", "x", "--help"}, nil, "", ""); len(s.Program) != 2 {
		t.Errorf("program %q", s.Program)
	}
}

func TestConfigIsNamedAnywhere(t *testing.T) {
	for _, test := range []struct{ args, environ []string }{
		{[]string{"--config", "a.toml"}, nil},
		{[]string{"--conf-file=a.toml"}, nil},
		{nil, []string{"BIDENT_CONFIG=a.toml"}},
		{nil, []string{"BIDENT_CONF_FILE=a.toml"}},
		{[]string{"--config", "a.toml"}, []string{"BIDENT_CONFIG=b.toml"}},
		{[]string{"--config", "b.toml", "--config", "a.toml"}, nil},
	} {
		s := load(t, test.args, test.environ, "a.toml", "max_servers = 2")
		if s.MaxServers != 2 || s.Config != "a.toml" {
			t.Errorf("%q %q: max_servers %d, config %q", test.args, test.environ, s.MaxServers, s.Config)
		}
	}
}

func TestOwnVariablesAreLeftAlone(t *testing.T) {
	environ := []string{"BIDENT_CHILD=1", "BIDENT_CHILD_FD=3", "BIDENT_TEST=x", "BIDENT_BENCH_N=1", "PATH=/bin", "=C:=C:\\", "junk"}
	if _, err := Load(nil, environ, oneFile("", ""), "BIDENT_TEST", "BIDENT_BENCH_"); err != nil {
		t.Error(err)
	}
	_, err := Load(nil, []string{"BIDENT_TESTS=1", "BIDENT_CHILDREN=1"}, oneFile("", ""), "BIDENT_TEST")
	if want := "BIDENT_TESTS: unknown setting\nBIDENT_CHILDREN: unknown setting"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestReloadReadsTheFileAgain(t *testing.T) {
	args := []string{"--config", "a.toml", "--die-timeout", "5s"}
	text := "max_servers = 2\n"
	read := func(string) ([]byte, error) { return []byte(text), nil }
	before, err := Load(args, nil, read)
	if err != nil {
		t.Fatal(err)
	}
	text = "max_servers = 3\nlog_level = 4\ndie_timeout = 9\n"
	after, err := Load(args, nil, read)
	if err != nil {
		t.Fatal(err)
	}
	if before.MaxServers != 2 || after.MaxServers != 3 || after.DieTimeout != 5*time.Second {
		t.Errorf("max_servers %d then %d, die_timeout %v", before.MaxServers, after.MaxServers, after.DieTimeout)
	}
	if keys := Reloadable(before, after); len(keys) != 0 {
		t.Errorf("not reloadable: %q", keys)
	}
	text = "queue_size = 3\nmode = 'fork'\nmax_requests = 1\nlisten = ['http://:1,http://:2']\nenv = ['A=1']"
	text = strings.Replace(text, ":1,http://:2", ":1', 'http://:2", 1)
	after, err = Load(args, nil, read)
	if err != nil {
		t.Fatal(err)
	}
	if keys := Reloadable(before, after); !slices.Equal(keys, []string{"listen", "mode", "queue_size", "env"}) {
		t.Errorf("not reloadable: %q", keys)
	}
}
