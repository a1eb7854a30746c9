package options

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestPHPFPMProblems: whatever is wrong is said with its line and what would be
// right.
func TestPHPFPMProblems(t *testing.T) {
	dynamic := func(rest string) string { return "[www]\nlisten=9000\npm=dynamic\npm.max_children = 5\n" + rest }
	for _, test := range []struct {
		text string
		args string
		want string
	}{
		{"", "", "p.conf: there is no pool (a section such as [www], with listen, pm and pm.max_children)"},
		{"[www]", "", "p.conf:1: [www]: pm is missing (static, dynamic or ondemand)\n" +
			"p.conf:1: [www]: listen is missing (such as listen = 127.0.0.1:9000, or listen = /run/php.sock)"},
		{"[www]\nlisten=9000\npm=static", "", "p.conf:1: [www]: pm.max_children is missing (such as pm.max_children = 5)"},
		{"[www]\nlisten=9000\npm=often\npm.max_children = 1", "", `p.conf:3: pm: "often" is not a way to manage processes (static, dynamic or ondemand)`},
		{"[www]\nlisten=9000\npm=static\npm.max_children = 0", "", `p.conf:4: pm.max_children: "0" is not a number that can stand there (at least 1)`},
		{"[www]\nlisten=9000\npm=static\npm.max_children = 5x", "", `p.conf:4: pm.max_children: "5x" is not a number that can stand there (at least 1)`},
		{dynamic(""), "", "p.conf:1: [www]: pm.min_spare_servers is missing (such as pm.min_spare_servers = 5)\n" +
			"p.conf:1: [www]: pm.max_spare_servers is missing (such as pm.max_spare_servers = 5)"},
		{dynamic("pm.min_spare_servers = 6\npm.max_spare_servers = 7"), "", "p.conf:5: pm.min_spare_servers: 6 is more than pm.max_children, 5 (at most 5)"},
		{dynamic("pm.min_spare_servers = 1\npm.max_spare_servers = 7"), "", "p.conf:6: pm.max_spare_servers: 7 is more than pm.max_children, 5 (at most 5)"},
		{dynamic("pm.min_spare_servers = 3\npm.max_spare_servers = 2"), "", "p.conf:6: pm.max_spare_servers: 2 is less than pm.min_spare_servers, 3 (at least 3)"},
		{dynamic("pm.min_spare_servers = 2\npm.max_spare_servers = 3\npm.start_servers=1"), "", "p.conf:7: pm.start_servers: 1 is not between the spare limits (2 to 3)"},
		{fpmLeast + "pm.max_childen = 3", "", "p.conf:5: pm.max_childen: php-fpm has no such directive in a pool section (did you mean pm.max_children?)"},
		{"[global]\npm.max_children = 3\n" + fpmLeast, "", "p.conf:2: pm.max_children: php-fpm has no such directive in a global section"},
		{"[global]\nchdir = /\n" + fpmLeast, "", "p.conf:2: chdir: php-fpm has no such directive in a global section (it stands in the section of a pool)"},
		{fpmLeast + "what is this", "", `p.conf:5: "what is this" is neither a directive nor a section (such as pm.max_children = 5; comments begin with ;)`},
		{fpmLeast + "# no comment\n", "", `p.conf:5: "# no comment" is neither a directive nor a section (such as pm.max_children = 5; comments begin with ;)`},
		{"[www\n", "", "p.conf:1: a section is a name in brackets on a line of its own (such as [www])"},
		{"[www] x\n", "", "p.conf:1: a section is a name in brackets on a line of its own (such as [www])"},
		{fpmLeast + "env[A = 3", "", `p.conf:5: "env[A" has no closing bracket (such as env[PATH])`},
		{fpmLeast + "env = 3", "", "p.conf:5: env: needs a name in brackets"},
		{fpmLeast + "env[] = 3", "", "p.conf:5: env[]: the name of the variable is empty (such as env[PATH])"},
		{fpmLeast + "user[a] = 3", "", "p.conf:5: user[a]: takes no name in brackets"},
		{fpmLeast + "user = \"a\nb\nc", "", `p.conf:5: user: its quote is never closed (a quote within quotes is written \")`},
		{fpmLeast + "php_value[a b] = 3", "", "p.conf:5: php_value[a b]: that is not the name of a setting of PHP's (such as php_value[memory_limit])"},
		{fpmLeast + "php_flag[a] = 3", "", `p.conf:5: php_flag[a]: "3" is neither yes nor no (yes, true, on, 1 or no, false, off, 0)`},
		{fpmLeast + "clear_env = maybe", "", `p.conf:5: clear_env: "maybe" is neither yes nor no (yes, true, on, 1 or no, false, off, 0)`},
		{fpmLeast + "request_terminate_timeout = 5x", "", `p.conf:5: request_terminate_timeout: "5x" is not a time (such as 10, 10s, 5m, 1h or 1d)`},
		{fpmLeast + "rlimit_core = 1k", "", `p.conf:5: rlimit_core: "1k" is not a size in octets (a number or unlimited)`},
		{fpmLeast + "process.priority = 20", "", "p.conf:5: process.priority: 20 is out of range (-20 to 19)"},
		{fpmLeast + "chroot = srv", "", `p.conf:5: chroot: "srv" is not an absolute path (such as /srv/www)`},
		{fpmLeast + "access.log = log", "", `p.conf:5: access.log: "log" is a relative path, and the pool has no prefix (an absolute path)`},
		{fpmLeast + "user = a\x00", "", "p.conf:5: user: \"a\\x00\" contains a NUL"},
		{"[www]\npm=static\npm.max_children=1\nlisten=a:b", "", `p.conf:4: listen: "fcgi://a:b": the port "b" is not a number from 0 to 65535 (such as fcgi://127.0.0.1:9005 or fcgi+unix:///run/bident.sock)`},
		{"[www]\npm=static\npm.max_children=1\nlisten=x.sock", "", `p.conf:4: listen: "x.sock" is a relative path, and the pool has no prefix (an absolute path)`},
		{"[www]\npm=static\npm.max_children=1\nlisten=/x\nlisten.mode=9", "", `p.conf:5: listen.mode: "9" is not a file mode (octal, 0001 to 0777; in TOML "0660" or 0o660)`},
		{fpmLeast + "listen.allowed_clients = localhost", "", `p.conf:5: listen.allowed_clients: "localhost" is not an address (such as 127.0.0.1 or ::1)`},
		{"[global]\nlog_level = all\n" + fpmLeast, "", `p.conf:2: log_level: "all" is not a level (alert, error, warning, notice or debug)`},

		{fpmLeast + "[api]\n", "", "p.conf: there are several pools: www, api (a server runs one: --php-fpm-pool NAME)"},
		{fpmLeast + "[api]\n", "--php-fpm-pool=web", `--php-fpm-pool: there is no pool "web" (there are www, api)`},
		{fpmLeast + "include = other.conf", "", `p.conf:5: include: cannot read "other.conf": file does not exist`},
		{fpmLeast + "include = p.conf", "", "p.conf:5: include: files include each other too deep (at most 4, one within the other)"},

		{fpmLeast, "--max-requests-jitter=3 --start-servers=9", "--start-servers: 9 is more than max_servers, 4 by p.conf:4 (at most 4)"},
		{fpmLeast, "--mode=emulate", "--mode: a program cannot be served in mode emulate (its workers are processes: mode fork)"},
		{fpmLeast + "php_value[a]=1", "-- perl", "p.conf:5: php_value[a]: makes no sense with the program perl (php-cgi takes it, or another program whose name begins with php)"},
		{fpmLeast, "--env=PHP_FCGI_CHILDREN=2", "--env: PHP_FCGI_CHILDREN would make PHP start processes that nobody counts (max_servers says how many there are)"},
	} {
		s, err := loadFPM(test.text, nil, strings.Fields(test.args)...)
		var found Problems
		if !errors.As(err, &found) {
			t.Errorf("%q %s: %v, %v", test.text, test.args, s, err)
		} else if got := found.Error(); got != test.want {
			t.Errorf("%q %s:\n got %s\nwant %s", test.text, test.args, got, test.want)
		}
	}
}

func TestPHPFPMPrecedence(t *testing.T) {
	files := texts{
		"/etc/p.conf": "[www]\nlisten = 9000\npm = ondemand\npm.max_children = 4\nuser = a\nprocess.priority = 3\nlisten.owner = o\nenv[A] = 1\n",
		"b.toml":      "max_servers = 5\nmax_idle = '1m'\nphp_fpm_conf = '/etc/p.conf'\n",
	}
	args := []string{"--config=b.toml", "--listen=http://:1", "--root=/srv", "--env=B=2", "--", "/opt/php82", "-c", "x"}
	s, err := Load(args, []string{"BIDENT_MAX_IDLE=2m"}, files.read)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"max_servers": "b.toml:1", "max_idle": "environment BIDENT_MAX_IDLE", "listen": "flag --listen", "program": "arguments after --",
		"min_servers": "/etc/p.conf:3", "user": "/etc/p.conf:5", "env": "flag --env", "mode": "default",
	} {
		if s.Origin(key) != want {
			t.Errorf("%s by %s, want %s", key, s.Origin(key), want)
		}
	}
	if !slices.Equal(s.Env, []string{"B=2"}) || s.MaxServers != 5 || s.MinServers != 0 || !slices.Equal(s.Command(), args[5:]) {
		t.Errorf("%+v", s.Serve)
	}
	const gone = "/etc/p.conf:2: listen: ignored (listen is given by flag --listen)\n/etc/p.conf:7: listen.owner: ignored (listen is given by flag --listen)"
	if got := s.Ignored().Error(); got != gone {
		t.Errorf("ignored:\n%s", got)
	}
	// Who is not root is who they are.
	s.Unprivileged()
	if got := s.Ignored().Error(); s.User != "" || s.Nice != 0 || s.IsSet("user") || got != gone+
		"\n/etc/p.conf:5: user: ignored (only root can do that)\n/etc/p.conf:6: process.priority: ignored (only root can do that)" {
		t.Errorf("user %q, nice %d, ignored:\n%s", s.User, s.Nice, got)
	}
	// What changes in the file is found when it is read again.
	files["/etc/p.conf"] = strings.Replace(files["/etc/p.conf"], "ondemand", "static", 1)
	again, err := Load(append([]string{"--max-idle=0"}, args...), nil, files.read)
	if err != nil {
		t.Fatal(err)
	}
	if again.MinServers != 5 || len(Reloadable(s, again)) == 0 {
		t.Errorf("min_servers %d, fixed %q", again.MinServers, Reloadable(s, again))
	}
}

// TestPHPFPMListenElsewhere: who may connect to a UNIX socket is what the pool says, also
// if something else says where that is.
func TestPHPFPMListenElsewhere(t *testing.T) {
	const pool = fpmLeast + "listen.owner = o\nlisten.group = g\nlisten.mode = 0600\n"
	const by = ": ignored (listen is given by flag --listen)\n"
	const where = "p.conf:2: listen" + by
	const who = "p.conf:5: listen.owner" + by + "p.conf:6: listen.group" + by + "p.conf:7: listen.mode" + by
	unix := "--listen=fcgi+unix:///o"
	for name, c := range map[string]struct {
		pool    string
		args    []string
		environ []string
		want    string
		gone    string
	}{
		"UNIX":          {pool, []string{unix}, nil, "socket_owner = \"o:g\" @5\nsocket_mode = \"0600\" @7", where},
		"HTTP":          {pool, []string{"--listen=http+unix:///o"}, nil, "socket_owner = \"o:g\" @5\nsocket_mode = \"0600\" @7", where},
		"the first one": {pool, []string{unix, "--listen=http://:1"}, nil, "socket_owner = \"o:g\" @5\nsocket_mode = \"0600\" @7", where},
		"the last one":  {pool, []string{"--listen=http://:1", unix}, nil, "socket_owner = \"o:g\" @5\nsocket_mode = \"0600\" @7", where},
		"default mode":  {fpmLeast + "listen.group = g\n", []string{unix}, nil, "socket_owner = \":g\" @5\nsocket_mode = \"0660\" @5", where},
		"mode":          {fpmLeast + "listen.mode = 0666\n", []string{unix}, nil, "-socket_owner\nsocket_mode = \"0666\" @5", where},
		"nothing":       {fpmLeast, []string{unix}, nil, "-socket_owner\n-socket_mode", where},
		"flags":         {pool, []string{unix, "--socket-owner=x", "--socket-mode=0640"}, nil, "-socket_owner\n-socket_mode", where},
		"TCP":           {pool, []string{"--listen=fcgi://:1"}, nil, "-socket_owner\n-socket_mode", where + who},
		"a descriptor":  {pool, []string{"--listen=fcgi+fd://0"}, nil, "-socket_owner\n-socket_mode", where + who},
		"a weaker one":  {pool, []string{"--listen=fcgi://:1"}, []string{"BIDENT_LISTEN=fcgi+unix:///w"}, "-socket_owner\n-socket_mode", where + who},
		"several at once": {pool, nil, []string{"BIDENT_LISTEN=http://:1,fcgi+unix:///e"}, "socket_owner = \"o:g\" @5\nsocket_mode = \"0600\" @7",
			strings.ReplaceAll(where, "flag --listen", "environment BIDENT_LISTEN")},
		"allowed clients": {fpmLeast + "listen.allowed_clients = ::1\nlisten.backlog = 5\n", []string{unix}, nil, "-web_server\n-backlog",
			where + "p.conf:5: listen.allowed_clients" + by + "p.conf:6: listen.backlog" + by},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := loadFPM(c.pool, c.environ, append(c.args, "--root=/srv")...)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, s, c.want, strings.TrimSuffix(c.gone, "\n"))
		})
	}
}

func TestPHPFPMExtensions(t *testing.T) {
	s, err := loadFPM(fpmLeast+"security.limit_extensions = .php .phtml\n", nil, "--root=/srv")
	if err != nil {
		t.Fatal(err)
	}
	if s.Match != `(?:\.php|\.phtml)$` || s.Origin("match") != "p.conf:5" || len(s.Ignored()) > 0 {
		t.Errorf("match %s by %s, ignored %v", s.Match, s.Origin("match"), s.Ignored())
	}
}

func TestPHPValuesStandInFront(t *testing.T) {
	s, err := loadFPM(fpmLeast+"php_value[a] = 1\nphp_value[b] = x y\n", nil, "--", "php-cgi", "-c", "x")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"php-cgi", "-d", "a=1", "-d", "b=x y", "-c", "x"}; !slices.Equal(s.Command(), want) {
		t.Errorf("%q", s.Command())
	}
	if !slices.Equal(s.Program, []string{"php-cgi", "-c", "x"}) {
		t.Errorf("the program has become %q", s.Program)
	}
}

// fpmTree reads the files of a tree, with patterns.
func fpmTree(files texts, start string) *fpmFile {
	f := &fpmFile{readFile: files.read, variable: func(string) string { return "" }, glob: func(pattern string) (names []string, err error) {
		for name := range files {
			ok, err := path.Match(pattern, name)
			if err != nil {
				return nil, err
			}
			if ok {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names, nil
	}}
	f.current = &f.global
	f.read(start, origin{}, 0)
	return f
}

// TestPHPFPMInclude: what stands in front of a file's first section belongs to where
// it is included, and what follows to its last one.
func TestPHPFPMInclude(t *testing.T) {
	f := fpmTree(texts{
		"/e/fpm.conf":   "[global]\npid = /p\ninclude = /e/d/*.conf\ninclude = none*\n",
		"/e/d/a.conf":   "log_level = debug\n[a]\nuser = 1\ninclude = ../all\nchdir = /\n",
		"/e/d/b.conf":   "[b]\nuser = 2\n[a]\ngroup = 3\n",
		"/e/all":        "process.priority = 1\n",
		"/e/d/b.conf~":  "?",
		"/e/d/sub/c.co": "?",
	}, "/e/fpm.conf")
	if len(f.problems) > 0 {
		t.Fatal(f.problems)
	}
	names := func(list []fpmDirective) string {
		var names []string
		for _, d := range list {
			names = append(names, d.name)
		}
		return strings.Join(names, " ")
	}
	if got := names(f.global); got != "pid log_level" {
		t.Errorf("global: %s", got)
	}
	if len(f.pools) != 2 || names(f.pools[0].directives) != "user process.priority chdir group" || names(f.pools[1].directives) != "user" {
		t.Errorf("pools: %+v", f.pools)
	}
	if len(f.ignored) != 1 || f.ignored[0].at.line != 4 {
		t.Errorf("ignored: %+v", f.ignored)
	}
}

// FuzzPHPFPM: no file is too strange, and whatever is accepted means the same
// when it is printed and read again.
func FuzzPHPFPM(f *testing.F) {
	f.Add(fpmLeast)
	f.Add("; c\n[global]\npid=/x\n[a]\npm = dynamic\npm.max_children=5\npm.min_spare_servers=1\npm.max_spare_servers=2\nlisten = /x\nenv[A]=\"${B}'\\\"\"\nphp_value[a.b] = ~1\n")
	f.Add("[a]\ninclude=p.conf\naccess.log=/x\naccess.format=\"%R%{x}t%Q%q%%%\"\n")
	f.Add("[a]\nx='\n\n'y[")
	f.Fuzz(func(t *testing.T, text string) {
		files := texts{"p.conf": text}
		s, err := Load([]string{"--php-fpm-conf=p.conf"}, []string{"B=$"}, func(name string) ([]byte, error) { return files.read(name) })
		if err != nil {
			if p := Problems(nil); !errors.As(err, &p) || strings.Count(err.Error(), "\n") >= len(p) {
				t.Errorf("%v", err)
			}
			return
		}
		if strings.Contains(text, "include") {
			return // which may have read files outside
		}
		if again := roundTrip(t, s); difference(s, again) != "" {
			t.Errorf("differs in %s", difference(s, again))
		}
	})
}
