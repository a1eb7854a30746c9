package options

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// texts is a file system of these files.
type texts map[string]string

func (f texts) read(name string) ([]byte, error) {
	if text, ok := f[name]; ok {
		return []byte(text), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// loadFPM reads settings of which the php-fpm file is p.conf. HTTP is spoken unless
// the arguments say otherwise.
func loadFPM(text string, environ []string, args ...string) (*Settings, error) {
	args = append([]string{"--php-fpm-conf=p.conf"}, args...)
	return Load(args, environ, texts{"p.conf": text}.read)
}

// most is the least that a pool has to say.
const fpmLeast = "[www]\nlisten = 9000\npm = static\npm.max_children = 4\n"

// said are the settings that a source gave, as "key = value @ origin".
func said(s *Settings) string {
	var b strings.Builder
	for _, k := range table(&s.Serve) {
		if origin := s.Origin(k.Name); strings.HasPrefix(origin, "p.conf:") {
			fmt.Fprintf(&b, "%s = %s @%s\n", k.Name, tomlText(k.into), strings.TrimPrefix(origin, "p.conf:"))
		}
	}
	return b.String()
}

// standing is what a pool says of php-fpm's defaults.
const standing = `program = ["php-cgi"] @1
listen = ["fcgi://:9000"] @2
max_servers = 4 @4
max_requests = 0 @1
clear_env = true @1
limit_extensions = [".php", ".phar"] @1
`

func TestPHPFPMDirectives(t *testing.T) {
	const unix = "[www]\npm = static\npm.max_children = 4\nlisten = "
	for _, test := range []struct {
		name string
		text string
		want string // lines that are there, each beginning with "-" if it is not
		gone string // what is ignored
	}{
		{"least", fpmLeast, standing, ""},
		{"who", fpmLeast + "user = www-data\ngroup = 33\nchroot = /srv/$pool\nchdir = /\nprocess.priority = -5\n",
			"user = \"www-data\" @5\ngroup = \"33\" @6\nchroot = \"/srv/www\" @7\nworking_dir = \"/\" @8\nnice = -5 @9", ""},
		{"times", fpmLeast + "request_terminate_timeout = 2m\nrequest_slowlog_timeout = 1d ; a day\nslowlog = /x\n",
			"request_timeout = \"2m\" @5\nslow_request = \"24h\" @6", "p.conf:5: request_terminate_timeout: applied, but an answer that goes on is not ended (request_timeout then bounds the time in which the program says nothing)\n" +
				"p.conf:7: slowlog: ignored (slow requests are in the log, see log_file)"},
		{"limits", fpmLeast + "rlimit_files = 1024\nrlimit_core = unlimited\n", "rlimit_nofile = 1024 @5\nrlimit_core = \"unlimited\" @6", ""},
		{"no limit", fpmLeast + "rlimit_core = 0\nrequest_terminate_timeout = 0\npm.max_requests = 500\n",
			"rlimit_core = \"\" @5\nrequest_timeout = \"0s\" @6\nmax_requests = 500 @7", ""},
		{"the last one counts", fpmLeast + "user = a\nuser = b\npm.max_children = 7\n[other]\n[www]\nuser = c\n",
			"", ""},
		{"dynamic", "[www]\nlisten = 9000\npm = dynamic\npm.max_children = 50\npm.min_spare_servers = 5\npm.max_spare_servers = 35\npm.max_spawn_rate = 32\n",
			"max_servers = 50 @4\nmin_servers = 5 @5\nmin_spare_servers = 5 @5\nmax_spare_servers = 35 @6\nstart_servers = 20 @6\n-max_idle",
			"p.conf:7: pm.max_spawn_rate: ignored (as many workers are started as there are requests for)"},
		{"dynamic, a start", "[www]\nlisten = 9000\npm = dynamic\npm.max_children = 5\npm.start_servers=2\npm.min_spare_servers=1\npm.max_spare_servers=3",
			"start_servers = 2 @5\nmin_servers = 1 @6", ""},
		{"ondemand", "[www]\nlisten = 9000\npm = ondemand\npm.max_children = 5\npm.start_servers = 2\n",
			"max_servers = 5 @4\nmin_servers = 0 @3\nmax_idle = \"10s\" @3\n-start_servers", "p.conf:5: pm.start_servers: ignored (it has no meaning with pm = ondemand)"},
		{"ondemand, a time", "[www]\nlisten = 9000\npm = ondemand\npm.max_children = 5\npm.process_idle_timeout = 10s;\n", "max_idle = \"10s\" @5", ""},
		{"static", fpmLeast + "pm.process_idle_timeout = 10\n", "-max_idle\n-min_servers", "p.conf:5: pm.process_idle_timeout: ignored (it has no meaning with pm = static)"},

		{"address", "[www]\npm = static\npm.max_children = 4\nlisten = 127.0.0.1:9000\nlisten.backlog = -1\nlisten.mode = 0600\nlisten.allowed_clients = 127.0.0.1, ::1\n",
			"listen = [\"fcgi://127.0.0.1:9000\"] @4\nbacklog = 0 @5\nweb_server = [\"127.0.0.1\", \"::1\"] @7\n-socket_mode", "p.conf:6: listen.mode: ignored (only UNIX sockets have it)"},
		{"IPv6", unix + "[::1]:9000", `listen = ["fcgi://[::1]:9000"] @4`, ""},
		{"any", unix + "*:9000", `listen = ["fcgi://:9000"] @4`, ""},
		{"path", unix + "/run/$pool.sock\nlisten.backlog=511\nlisten.owner=o\nlisten.group=g\nlisten.allowed_clients=127.0.0.1",
			"listen = [\"fcgi+unix:///run/www.sock\"] @4\nbacklog = 511 @5\nsocket_mode = \"0660\" @4\nsocket_owner = \"o:g\" @6\n-web_server",
			"p.conf:8: listen.allowed_clients: ignored (clients of UNIX sockets have no address)"},
		{"owner", unix + "/x\nlisten.owner=o\nlisten.mode=0666", "socket_owner = \"o\" @5\nsocket_mode = \"0666\" @6", ""},
		{"group", unix + "/x\nlisten.group=g", "socket_owner = \":g\" @5", ""},
		{"prefix", unix + "run/php.sock\nprefix = /srv/$pool\naccess.log = log/a\n", "listen = [\"fcgi+unix:///srv/www/run/php.sock\"] @4\naccess_log = \"/srv/www/log/a\" @6", ""},

		{"environment", fpmLeast + "env[A] = \"a;b\"\nenv['B'] = $HOME\nenv[C] = ${HOME}/x\nenv[D]=$NONE\nenv[PHP_FCGI_CHILDREN] = 3\nclear_env = no\n",
			"env = [\"A=a;b\", \"B=/home\", \"C=/home/x\", \"D=\"] @5\nclear_env = false @10", "p.conf:9: env[PHP_FCGI_CHILDREN]: ignored (max_servers and max_requests say it)"},
		{"PHP", fpmLeast + `php_value[memory_limit] = 32M
php_flag[display_errors] = off
php_value[error_reporting] = E_ALL & ~E_NOTICE ; not in quotes
php_value[user_agent] = "it's; \"so\" \x"
php_admin_value[sendmail_path] = /usr/sbin/sendmail -t -i -f a@b
php_admin_flag[log_errors] = yes`,
			`php_value = ["memory_limit=32M", "display_errors=0", "error_reporting=E_ALL & ~E_NOTICE", "user_agent='it'\"'\"'s; \"so\" \\x'", "sendmail_path='/usr/sbin/sendmail -t -i -f a@b'", "log_errors=1"] @5`,
			"p.conf:9: php_admin_value[sendmail_path]: applied, but scripts may change it (php-cgi gets it as -d, like php_value)\n" +
				"p.conf:10: php_admin_flag[log_errors]: applied, but scripts may change it (php-cgi gets it as -d, like php_value)"},
		{"access log", fpmLeast + "access.log = /var/log/$pool.log\n", `access_log = "/var/log/www.log" @5` + "\n" + `access_log_format = "%a - %u %{%d/%b/%Y:%H:%M:%S %z}t \"%m %U\" %s" @5`, ""},
		{"access format", fpmLeast + "access.log = /x\naccess.format = \"%R %{%Y}T %m %r%Q%q %q %s %f %{milli}d %{kilo}M %C%% %n %p %l %{X-A}o %{HTTP_HOST}e %{REQUEST_METHOD}e %\"\n",
			`access_log_format = "%a %{end:%Y}t %m %U%q - %s - %{ms}T - -%% www %P %{Content-Length}i %{X-A}o %{HOST}i %m %%" @6`,
			"p.conf:6: access.format: there is - instead of %q, %f, %{kilo}M, %C, % (access_log_format has no such codes)"},
		{"what is said of workers", fpmLeast + "catch_workers_output = yes\ndecorate_workers_output = no\nprocess.dumpable = no\nsecurity.limit_extensions = .php\naccess.suppress_path[] = /ping\n", "limit_extensions = [\".php\"] @8",
			"p.conf:6: decorate_workers_output: ignored (lines of workers are always marked)\n" +
				"p.conf:9: access.suppress_path[]: ignored (all requests are in the access log)"},
		{"global", "pid = /run/p\n[global]\nerror_log = '/var/log/l'\nlog_level = debug\ndaemonize = yes\n" + fpmLeast,
			"pid_file = \"/run/p\" @1\nlog_file = \"/var/log/l\" @3\nlog_level = 4 @4\nmax_servers = 4 @9", "p.conf:5: daemonize: ignored (the server stays in the foreground)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			environ := []string{"HOME=/none", "HOME=/home"}
			if test.name == "the last one counts" {
				test.want = "user = \"c\" @10\nmax_servers = 7 @7"
				s, err := loadFPM(test.text, environ, "--php-fpm-pool=www")
				if err != nil {
					t.Fatal(err)
				}
				compare(t, s, test.want, test.gone)
				return
			}
			s, err := loadFPM(test.text, environ)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, s, test.want, test.gone)
			if again := roundTrip(t, s); difference(s, again) != "" {
				t.Errorf("printed and read again it differs in %s", difference(s, again))
			}
		})
	}
}

// compare looks for lines in what a php-fpm file has said, and at what is ignored.
func compare(t *testing.T, s *Settings, want, ignored string) {
	t.Helper()
	got := said(s)
	lines := strings.Split(got, "\n")
	for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
		if key, not := strings.CutPrefix(line, "-"); not {
			if strings.Contains("\n"+got, "\n"+key+" = ") {
				t.Errorf("there is %s in\n%s", key, got)
			}
		} else if line != "" && !slices.Contains(lines, line) {
			t.Errorf("no %s in\n%s", line, got)
		}
	}
	if s.Ignored().Error() != ignored {
		t.Errorf("ignored:\n%v\nwant:\n%s", s.Ignored(), ignored)
	}
}
