package options

import (
	"errors"
	"strings"
	"testing"
)

// problems loads settings that must be wrong, from a file named as given.
func problems(t *testing.T, args, environ []string, name, text string) Problems {
	t.Helper()
	_, err := Load(args, environ, oneFile(name, text))
	var p Problems
	if !errors.As(err, &p) || len(p) == 0 {
		t.Fatalf("Load(%q, %q) with %q: no problems but %v", args, environ, text, err)
	}
	return p
}

func TestArgumentProblems(t *testing.T) {
	for _, test := range []struct {
		args   string
		status int
		want   string
	}{
		{"--max-server 3", 64, "--max-server: unknown flag (did you mean --max-servers?)"},
		{"--max-server=3", 64, "--max-server: unknown flag (did you mean --max-servers?)"},
		{"--nothing-like-it", 64, "--nothing-like-it: unknown flag"},
		{"--serialize flock", 64, "--serialize: unknown flag (did you mean --accept?)"},
		{"-max-servers 3", 64, "-max-servers: unknown flag (did you mean --max-servers?)"},
		{"--max_servers=3", 64, "--max_servers: unknown flag (did you mean --max-servers?)"},
		{"-x", 64, "-x: unknown flag"},
		{"--no-clear-env", 64, "--no-clear-env: unknown flag (write --clear-env=false)"},
		{"--demo-faults false", 64, "false: unexpected argument (write --demo-faults=false)"},
		{"php-cgi", 64, "php-cgi: unexpected argument (a program and its arguments stand after --)"},
		{"--program php-cgi", 64, "--program: unknown flag (a program and its arguments stand after --)"},
		{"--", 64, "--: no program follows (-- program args...)"},
		{"--max-servers", 64, "--max-servers: its value is missing (--max-servers N)"},
		{"--pid-file --hup stop", 64, "--pid-file: its value is missing (--pid-file FILE)"},
		{"--root /srv", 64, "--root: not available in this version"},
		{"--root=/srv", 64, "--root: not available in this version"},
		{"--cgi", 64, "--cgi: not available in this version"},
		{"--max-servers many", 64, `--max-servers: "many" is not a whole number (such as 50)`},
		{"--max-servers 1_0", 64, `--max-servers: "1_0" is not a whole number (such as 50)`},
		{"--max-servers -1", 64, "--max-servers: -1 is too small (at least 1)"},
		{"--n-processes 0", 64, "--n-processes: 0, serving without workers, is not available in this version (at least 1)"},
		{"--log-level 5", 64, "--log-level: 5 is out of range (0 to 4)"},
		{"--hup restart", 64, `--hup: "restart" is not one of its values (reload or stop)`},
		{"--mode thread", 64, `--mode: "thread" is not one of its values (emulate or fork)`},
		{"--mode fork --accept flock", 64, `--accept: "flock" is not available in this version (auto, request or slot)`},
		{"--mode fork --accept any", 64, `--accept: "any" is not one of its values (auto, request or slot)`},
		{"--clear-env=maybe", 64, `--clear-env: "maybe" is neither true nor false (true, yes, on, 1 or false, no, off, 0)`},
		{"--request-timeout 5x", 64, `--request-timeout: "5x" is not a duration (such as 30s, 5m or 1h; a plain number is seconds)`},
		{"--request-timeout -5s", 64, `--request-timeout: "-5s" is not a duration (such as 30s, 5m or 1h; a plain number is seconds)`},
		{"--check-for-dead 30", 64, "--check-for-dead: not available in this version"},
		{"--max-body-size 64x", 64, `--max-body-size: "64x" is not a size (such as 65536, 64k, 10m or 1g)`},
		{"--socket-mode 999", 64, `--socket-mode: "999" is not a file mode (octal, 0001 to 0777; in TOML "0660" or 0o660)`},
		{"--env A --mode fork", 64, `--env: "A" is not an assignment (such as NAME=value)`},
		{"--pid-file a\x00b", 64, `--pid-file: "a\x00b" contains a NUL`},
		{"--pid-file a\xff", 64, `--pid-file: "a\xff" is not UTF-8`},
		{"--listen 8080", 64, `--listen: "8080" is not a URL (such as http://127.0.0.1:8080; the length of the kernel's queue is called backlog)`},
		{"--listen localhost:8080", 64, `--listen: "localhost:8080" is not a URL (such as http://127.0.0.1:8080 or http+unix:///run/bident.sock)`},
		{"--listen http://localhost", 64, `--listen: "http://localhost" has no port (such as http://127.0.0.1:8080 or http+unix:///run/bident.sock)`},
		{"--listen http://:http", 64, `--listen: "http://:http": the port "http" is not a number from 0 to 65535 (such as http://127.0.0.1:8080 or http+unix:///run/bident.sock)`},
		{"--listen http://:65536", 64, `--listen: "http://:65536": the port "65536" is not a number from 0 to 65535 (such as http://127.0.0.1:8080 or http+unix:///run/bident.sock)`},
		{"--listen http://a/b:1", 64, `--listen: "http://a/b:1": "a/b" is not a host (such as http://127.0.0.1:8080 or http+unix:///run/bident.sock)`},
		{"--listen http+unix://x", 64, `--listen: "http+unix://x" has no absolute path (such as http+unix:///run/bident.sock, with three slashes)`},
		{"--listen https://:443", 64, `--listen: "https://:443": the scheme https is not available in this version (http or http+unix)`},
		{"--listen gopher://:70", 64, `--listen: "gopher://:70" has an unknown scheme (such as http://127.0.0.1:8080 or http+unix:///run/bident.sock)`},
		{"--admin on", 64, `--admin: "on" is not a URL (http+unix:///path, http://127.0.0.1:port or off)`},
		{"--config none.toml", 78, `--config: cannot read "none.toml": file does not exist`},

		{"--max-servers 4 --n-processes 3", 78, "--n-processes: n_processes 3 contradicts max_servers 4 (they are two names of one setting)"},
		{"--min-servers 60", 78, "--min-servers: 60 is more than max_servers, 50 by default (at most 50)"},
		{"--min-servers 6 --max-servers 5", 78, "--min-servers: 6 is more than max_servers, 5 by flag --max-servers (at most 5)"},
		{"--start-servers 51", 78, "--start-servers: 51 is more than max_servers, 50 by default (at most 50)"},
		{"--start-servers 3 --min-servers 4", 78, "--start-servers: 3 is less than min_servers, 4 by flag --min-servers (at least 4)"},
		{"--max-servers 3 --max-unavailable 3", 78, "--max-unavailable: 3 is not less than max_servers, 3 by flag --max-servers (at most 2)"},
		{"--max-requests-jitter 1000", 78, "--max-requests-jitter: 1000 is not less than max_requests, 1000 by default (at most 999)"},
		{"--min-spare-servers 51", 78, "--min-spare-servers: 51 is more than max_servers, 50 by default (at most 50)"},
		{"--min-spare-servers 4 --max-spare-servers 3", 78, "--min-spare-servers: 4 is more than max_spare_servers, 3 by flag --max-spare-servers (at most 3)"},
		{"--max-surge 0", 78, "--max-surge: with max_surge 0 and max_unavailable 0 no worker could ever be replaced (one of them at least 1)"},
		{"--gomaxprocs 2", 78, "--gomaxprocs: makes no sense in mode emulate (it is for each child of mode fork; the server heeds the variable GOMAXPROCS)"},
		{"--accept slot", 78, "--accept: makes no sense in mode emulate (slot needs mode fork)"},
		{"--clear-env", 78, "--clear-env: makes no sense in mode emulate (only the children of mode fork have an environment of their own)"},
		{"--env A=1", 78, "--env: makes no sense in mode emulate (only the children of mode fork have an environment of their own)"},
		{"--accept slot -- x", 78, "--accept: slot makes no sense with a program (auto or request: the server accepts for the program)"},
		{"--gomaxprocs 2 -- x", 78, "--gomaxprocs: makes no sense with a program (env GOMAXPROCS=2 tells a program in Go)"},
		{"--mode emulate -- x", 78, "--mode: a program cannot be served in mode emulate (its workers are processes: mode fork)"},
		{"--app demo -- x", 78, "--app: an application and a program are given, but only one can be served (leave out one of them)"},
		{"--demo-faults -- x", 78, "--demo-faults: makes no sense with a program (it is a setting of the demo)"},
		{"--app shop", 78, `--app: there is no application "shop" (demo is the one that is built in)`},
		{"--app=", 78, "--app: nothing to serve (demo, or a program after --)"},
	} {
		p := problems(t, strings.Split(test.args, " "), nil, "", "")
		if p.Error() != test.want || p.ExitStatus() != test.status {
			t.Errorf("%s:\n got %d %s\nwant %d %s", test.args, p.ExitStatus(), p, test.status, test.want)
		}
	}
}

func TestEnvironmentProblems(t *testing.T) {
	for variable, want := range map[string]string{
		"BIDENT_MAX_SERVER=3":     "BIDENT_MAX_SERVER: unknown setting (did you mean BIDENT_MAX_SERVERS?)",
		"BIDENT_MAX_SERVER=":      "BIDENT_MAX_SERVER: unknown setting (did you mean BIDENT_MAX_SERVERS?)",
		"BIDENT_max_servers=3":    "BIDENT_max_servers: unknown setting (names are in capitals)",
		"BIDENT_=3":               "BIDENT_: unknown setting",
		"BIDENT_ROOT=/srv":        "BIDENT_ROOT: not available in this version",
		"BIDENT_MAX_SERVERS=many": `BIDENT_MAX_SERVERS: "many" is not a whole number (such as 50)`,
		"BIDENT_ENV=A=1,B":        `BIDENT_ENV: "B" is not an assignment (such as NAME=value)`,
		"BIDENT_ACCEPT=slot":      "BIDENT_ACCEPT: makes no sense in mode emulate (slot needs mode fork)",
		"BIDENT_CONFIG=none":      `BIDENT_CONFIG: cannot read "none": file does not exist`,
	} {
		p := problems(t, nil, []string{variable}, "", "")
		if p.Error() != want || p.ExitStatus() != 78 {
			t.Errorf("%s:\n got %d %s\nwant 78 %s", variable, p.ExitStatus(), p, want)
		}
	}
}

func TestFileProblems(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a.toml", "\n\nmax_server = 3", `a.toml:3: unknown key "max_server" (did you mean "max_servers"?)`},
		{"a.toml", "port = 80", `a.toml:1: unknown key "port" (did you mean "listen"?)`},
		{"a.toml", "a.b = 80", `a.toml:1: unknown key "a.b"`},
		{"a.toml", "\"a\\nb\" = 80", `a.toml:1: unknown key "a\nb"`},
		{"a.toml", "# x\n[server]\nmax_servers = 3", `a.toml:2: unknown table "server" (settings stand outside of tables)`},
		{"a.toml", "[[server]]", `a.toml:1: unknown table "server" (settings stand outside of tables)`},
		{"a.toml", "root = '/'", "a.toml:1: root: not available in this version"},
		{"a.toml", "config = 'b.toml'", "a.toml:1: config: a file cannot name another (give it as flag or in the environment)"},
		{"a.toml", "queue_size = 1\nhup = 'stop'\nqueue_size = 2", "a.toml:3: queue_size: is set twice (first in line 1)"},
		{"a.toml", "max_servers = 1\nn_processes = 2", "a.toml:2: n_processes 2 contradicts max_servers 1 (they are two names of one setting)"},
		{"a.toml", "n_processes = 0", "a.toml:1: n_processes: 0, serving without workers, is not available in this version (at least 1)"},
		{"a.toml", "max_servers = '50'", `a.toml:1: max_servers: the string "50" is not a whole number (such as 50, without quotes)`},
		{"a.toml", "max_servers = 5.0", "a.toml:1: max_servers: 5.0 is not a whole number (such as 50)"},
		{"a.toml", "max_servers = 99999999999999999999", "a.toml:1: not valid TOML: "},
		{"a.toml", "max_servers = [5]", "a.toml:1: max_servers: an array is not a whole number (such as 50)"},
		{"a.toml", "max_servers = {a = 1}", "a.toml:1: max_servers: a table is not a whole number (such as 50)"},
		{"a.toml", "start_delay = 1979-05-27", "a.toml:1: start_delay: a date or time is not a duration (such as 30s, 5m or 1h; a plain number is seconds)"},
		{"a.toml", "start_delay = inf", "a.toml:1: start_delay: inf is not a duration (such as 30s, 5m or 1h; a plain number is seconds)"},
		{"a.toml", "max_body_size = 1.5", "a.toml:1: max_body_size: 1.5 is not a size (such as 65536, 64k, 10m or 1g)"},
		{"a.toml", "max_body_size = -1", "a.toml:1: max_body_size: -1 is not a size (such as 65536, 64k, 10m or 1g)"},
		{"a.toml", "socket_mode = 660", `a.toml:1: socket_mode: 660 is not a file mode (octal, 0001 to 0777; in TOML "0660" or 0o660)`},
		{"a.toml", "demo_faults = 'true'", `a.toml:1: demo_faults: the string "true" is not true or false (such as true, without quotes)`},
		{"a.toml", "pid_file = 1", `a.toml:1: pid_file: 1 is not a string (such as "text", in quotes)`},
		{"a.toml", "listen = 'http://:1'", `a.toml:1: listen: the string "http://:1" is not an array of strings (such as ["text"])`},
		{"a.toml", "listen = [1]", `a.toml:1: listen: 1 is not a string (such as "text", in quotes)`},
		{"a.toml", "listen = []", "a.toml:1: listen: there is no address to serve on (leave it out for http://127.0.0.1:8080)"},
		{"a.toml", "program = ['']", "a.toml:1: program: the name of the program is empty"},
		{"a.toml", "accept = 'pipe'", `a.toml:1: accept: "pipe" is not available in this version (auto, request or slot)`},
		{"a.toml", "\nmin_servers = 60", "a.toml:2: min_servers: 60 is more than max_servers, 50 by default (at most 50)"},
		{"a.toml", "\nmax_servers = ", "a.toml:2: not valid TOML: "},
		{"a.toml", "max_servers = 1\n\nhup 'stop'", "a.toml:3: not valid TOML: "},
		{"a.toml", "hup = 'st\xffop'", "a.toml:1: not valid TOML: "},

		{"a.conf", "\n# x\nmax_server 3", `a.conf:3: unknown key "max_server" (did you mean "max_servers"?)`},
		{"a.conf", "port 80", `a.conf:1: unknown key "port" (did you mean "listen"?)`},
		{"a.conf", "user nobody", "a.conf:1: user: not available in this version"},
		{"a.conf", "conf_file x", "a.conf:1: conf_file: a file cannot name another (give it as flag or in the environment)"},
		{"a.conf", "pid_file", "a.conf:1: pid_file: its value is missing"},
		{"a.conf", "pid_file =", "a.conf:1: pid_file: its value is missing"},
		{"a.conf", "pid_file # none", "a.conf:1: pid_file: its value is missing"},
		{"a.conf", "pid_file a b", `a.conf:1: pid_file: a value is one word, but "b" follows (a file named *.toml can have strings with spaces)`},
		{"a.conf", "[server]", `a.conf:1: "[server]" is not a key and a value (such as max_servers 50; comments begin with #)`},
		{"a.conf", "max-servers 5", `a.conf:1: "max-servers 5" is not a key and a value (such as max_servers 50; comments begin with #)`},
		{"a.conf", "hup stop\nhup reload", "a.conf:2: hup: is set twice (first in line 1)"},
		{"a.conf", "max_servers many", `a.conf:1: max_servers: "many" is not a whole number (such as 50)`},
		{"a\nb", "max_servers many", `"a\nb":1: max_servers: "many" is not a whole number (such as 50)`},
	} {
		p := problems(t, []string{"--config", test.name}, nil, test.name, test.text)
		got := p.Error()
		if strings.HasSuffix(test.want, "TOML: ") && strings.HasPrefix(got, test.want) && len(p) == 1 {
			got = test.want // the words are the parser's
		}
		if got != test.want || p.ExitStatus() != 78 {
			t.Errorf("%s %q:\n got %d %s\nwant 78 %s", test.name, test.text, p.ExitStatus(), p, test.want)
		}
	}
}

func TestAllProblemsAreReported(t *testing.T) {
	p := problems(t, []string{"--max-srvers", "7", "--root=x", "--queue-size", "x", "--gomaxprocs=2", "--config", "a.toml"},
		[]string{"BIDENT_LOG_LEVEL=9", "BIDENT_USER=x"}, "a.toml", "max_server = 2\nqueue_size = '10'\nhup = 'x'\n")
	want := `--max-srvers: unknown flag (did you mean --max-servers?)
--root: not available in this version
BIDENT_USER: not available in this version
a.toml:1: unknown key "max_server" (did you mean "max_servers"?)
a.toml:2: queue_size: the string "10" is not a whole number (such as 50, without quotes)
a.toml:3: hup: "x" is not one of its values (reload or stop)
BIDENT_LOG_LEVEL: 9 is out of range (0 to 4)
--queue-size: "x" is not a whole number (such as 50)
--gomaxprocs: makes no sense in mode emulate (it is for each child of mode fork; the server heeds the variable GOMAXPROCS)`
	if p.Error() != want || p.ExitStatus() != ExitUsage {
		t.Errorf("got %d\n%s\nwant %d\n%s", p.ExitStatus(), p, ExitUsage, want)
	}
}

// A malformed limit must not be followed by contradictions with the default
// that stands in for it.
func TestNoConsequentialProblems(t *testing.T) {
	for _, args := range []string{
		"--max-servers=x --min-servers=60",
		"--mode=x --gomaxprocs=2",
		"--max-surge=0 --max-unavailable=x",
		"--n-processes=x --max-servers=3",
	} {
		if p := problems(t, strings.Fields(args), nil, "", ""); len(p) != 1 {
			t.Errorf("%s: %s", args, p)
		}
	}
}

func TestEveryNotBuiltNameIsRefused(t *testing.T) {
	for name := range notBuilt {
		if p := problems(t, []string{flagName(name)}, nil, "", ""); p.Error() != flagName(name)+": not available in this version" || p.ExitStatus() != 64 {
			t.Errorf("%s: %s", name, p)
		}
		if p := problems(t, nil, []string{envName(name) + "=1"}, "", ""); p.ExitStatus() != 78 {
			t.Errorf("%s: %s", name, p)
		}
	}
}
