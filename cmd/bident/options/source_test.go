package options

import (
	"slices"
	"strings"
	"testing"
)

// examples has a value of every setting that has a flag, other than its default.
var examples = map[string]struct {
	items   []string // as words
	toml    string   // in TOML, if not the words in quotes
	context string   // flags with which it makes sense
	want    string   // as Print writes it, if not as in TOML
	program bool     // it makes sense with a program
}{
	"app":                         {items: []string{"demo"}},
	"demo_faults":                 {items: []string{"yes"}, toml: "true"},
	"root":                        {items: []string{"/srv/www"}},
	"index":                       {items: []string{"home.html", "index.htm"}, context: "--root=/srv"},
	"match":                       {items: []string{`\.php$`}, want: `"\\.php$"`, context: "--root=/srv", program: true},
	"script":                      {items: []string{"app.php"}, program: true},
	"fallback":                    {items: []string{"/index.php"}, context: "--root=/srv", program: true},
	"limit_extensions":            {items: []string{".php", ".phar"}, context: "--listen=fcgi://:1", program: true},
	"param":                       {items: []string{"A=b", "C="}, program: true, context: "--root=/srv"},
	"cgi":                         {items: []string{"yes"}, toml: "true", context: "--root=/srv", program: true},
	"cgi_bin":                     {items: []string{"/srv/cgi-bin"}},
	"cgi_prefix":                  {items: []string{"/c/"}, context: "--cgi-bin=/srv/cgi-bin"},
	"sendfile_root":               {items: []string{"/srv/a", "b"}, context: "--root=/srv", program: true},
	"upstream":                    {items: []string{"fcgi://127.0.0.1:9000", "fcgi+unix:///run/x"}},
	"upstream_keep":               {items: []string{"5"}, toml: "5", want: `"5s"`, context: "--upstream=fcgi://127.0.0.1:9000"},
	"listen":                      {items: []string{"http://:1", "http+unix:///run/x"}},
	"backlog":                     {items: []string{"7"}, toml: "7"},
	"socket_mode":                 {items: []string{"660"}, toml: "0o660", want: `"0660"`},
	"socket_owner":                {items: []string{"www-data:33"}},
	"php_value":                   {items: []string{"memory_limit=64M", "a.b=E_ALL"}, context: "--root=/srv", program: true},
	"web_server":                  {items: []string{"127.0.0.1", "::1"}, context: "--listen=fcgi://:1"},
	"tls_cert":                    {items: []string{"a.pem", "b.pem"}, context: "--listen=https://:1"},
	"tls_key":                     {items: []string{"a.key", "b.key"}, context: "--listen=https://:1 --tls-cert=a --tls-cert=b"},
	"tls_min_version":             {items: []string{"1.3"}, context: "--listen=https://:1 --tls-cert=a"},
	"redirect_https":              {items: []string{"1"}, toml: "true", context: "--listen=https://:1 --tls-cert=a --listen=http://:2"},
	"https_port":                  {items: []string{"8443"}, toml: "8443", context: "--listen=https://:1 --tls-cert=a --listen=http://:2 --redirect-https"},
	"acme_host":                   {items: []string{"example.com", "www.example.com"}, context: "--listen=https://:1 --acme-cache=/c"},
	"acme_email":                  {items: []string{"a@example.com"}, context: "--listen=https://:1 --acme-cache=/c --acme-host=a.example"},
	"acme_cache":                  {items: []string{"/var/cache"}, context: "--listen=https://:1 --acme-host=a.example"},
	"acme_directory":              {items: []string{"https://ca.example/dir"}, context: "--listen=https://:1 --acme-cache=/c --acme-host=a.example"},
	"mode":                        {items: []string{"fork"}},
	"concurrency":                 {items: []string{"3"}, toml: "3"},
	"accept":                      {items: []string{"slot"}, context: "--mode=fork"},
	"lock_file":                   {items: []string{"/run/lock"}, context: "--mode=fork --accept=flock"},
	"per_request":                 {items: []string{"1"}, toml: "true", context: "--mode=fork"},
	"gomaxprocs":                  {items: []string{"3"}, toml: "3", context: "--mode=fork"},
	"max_servers":                 {items: []string{"3"}, toml: "3"},
	"min_servers":                 {items: []string{"3"}, toml: "3"},
	"min_spare_servers":           {items: []string{"3"}, toml: "3"},
	"max_spare_servers":           {items: []string{"3"}, toml: "3"},
	"start_servers":               {items: []string{"3"}, toml: "3", context: "--min-servers=1"},
	"check_for_waiting":           {items: []string{"3"}, toml: "3", want: `"3s"`},
	"check_for_spawn":             {items: []string{"3m"}},
	"min_child_ttl":               {items: []string{"3s"}},
	"max_idle":                    {items: []string{"3s"}, context: "--min-servers=1"},
	"max_surge":                   {items: []string{"3"}, toml: "3"},
	"max_unavailable":             {items: []string{"3"}, toml: "3"},
	"start_delay":                 {items: []string{"1.5"}, toml: "1.5", want: `"1.5s"`},
	"max_requests":                {items: []string{"3"}, toml: "3"},
	"max_requests_jitter":         {items: []string{"3"}, toml: "3"},
	"max_lifetime":                {items: []string{"3s"}},
	"max_memory":                  {items: []string{"64m"}, context: "--mode=fork"},
	"kill_memory":                 {items: []string{"1g"}, context: "--mode=fork"},
	"check_for_dead":              {items: []string{"5"}, toml: "5", want: `"5s"`, context: "--mode=fork"},
	"start_timeout":               {items: []string{"3s"}},
	"request_timeout":             {items: []string{"3s"}},
	"die_timeout":                 {items: []string{"3s"}},
	"retire_timeout":              {items: []string{"3s"}},
	"max_lost":                    {items: []string{"3"}, toml: "3"},
	"queue_size":                  {items: []string{"3"}, toml: "3"},
	"queue_timeout":               {items: []string{"3s"}},
	"pid_file":                    {items: []string{"/run/x"}},
	"log_file":                    {items: []string{"/var/log/x"}},
	"log_level":                   {items: []string{"3"}, toml: "3"},
	"log_format":                  {items: []string{"json"}},
	"hup":                         {items: []string{"stop"}},
	"access_log":                  {items: []string{"-"}},
	"access_log_format":           {items: []string{"%h,%>s"}, context: "--access-log=-"},
	"request_id":                  {items: []string{"on"}, toml: "true", want: "true"},
	"slow_request":                {items: []string{"2.5"}, toml: "2.5", want: `"2.5s"`},
	"allow":                       {items: []string{`10\.0\.\d{1,3}\..*`, `.*\.example\.com`}, want: `["10\\.0\\.\\d{1,3}\\..*", ".*\\.example\\.com"]`},
	"deny":                        {items: []string{`a{2,}`, `b{1`, `c`}},
	"cidr_allow":                  {items: []string{"10.0.0.0/8", "2001:db8::/32"}},
	"cidr_deny":                   {items: []string{"192.0.2.1", "::1"}},
	"reverse_lookups":             {items: []string{"on"}, toml: "true"},
	"trusted_proxy":               {items: []string{"loopback", "private", "unix", "forwarded", "192.0.2.1", "fe80::/10"}},
	"proxy_protocol":              {items: []string{"1"}, toml: "true", context: "--trusted-proxy=loopback"},
	"max_header_size":             {items: []string{"8k"}},
	"max_body_size":               {items: []string{"1024"}, toml: "1_024", want: `"1k"`},
	"body_memory":                 {items: []string{"1g"}},
	"header_timeout":              {items: []string{"5"}, toml: "5", want: `"5s"`},
	"read_timeout":                {items: []string{"0"}, toml: "0", want: `"0s"`},
	"write_timeout":               {items: []string{"5m"}},
	"idle_timeout":                {items: []string{"250ms"}},
	"max_connections_per_address": {items: []string{"20"}, toml: "20"},
	"clear_env":                   {items: []string{"on"}, toml: "true", context: "--mode=fork"},
	"env":                         {items: []string{"A=1", "B="}, context: "--mode=fork"},
	"user":                        {items: []string{"www-data"}},
	"group":                       {items: []string{"33"}},
	"groups":                      {items: []string{"ssl-cert", "7"}},
	"chroot":                      {items: []string{"/srv"}},
	"working_dir":                 {items: []string{"/srv/www"}},
	"umask":                       {items: []string{"027"}},
	"no_new_privs":                {items: []string{"on"}, toml: "true", context: "--mode=fork"},
	"rlimit_as":                   {items: []string{"4g"}, context: "--mode=fork"},
	"rlimit_nofile":               {items: []string{"4096"}, toml: "4096", context: "--mode=fork"},
	"rlimit_core":                 {items: []string{"10m"}, context: "--mode=fork"},
	"nice":                        {items: []string{"-5"}, toml: "-5", context: "--mode=fork"},
	"cpus":                        {items: []string{"0,2-3"}, context: "--mode=fork"},
	"cgroup":                      {items: []string{"/sys/fs/cgroup/b"}, context: "--mode=fork"},
	"cgroup_memory_max":           {items: []string{"64m"}, context: "--mode=fork --cgroup=/sys/fs/cgroup/b"},
	"cgroup_cpu_max":              {items: []string{"0.5"}, context: "--mode=fork --cgroup=/sys/fs/cgroup/b"},
	"admin":                       {items: []string{"off"}},
}

func TestEverySettingFromEverySource(t *testing.T) {
	defaults := load(t, nil, nil, "", "")
	standard := table(&defaults.Serve)
	for i, k := range Keys() {
		if k.noFlag || k.file {
			continue // they have tests of their own
		}
		e, ok := examples[k.Name]
		if !ok {
			t.Errorf("no example of %s", k.Name)
			continue
		}
		text := e.toml
		if text == "" {
			quoted := make([]string, len(e.items))
			for i, item := range e.items {
				quoted[i] = "'" + item + "'"
			}
			text = strings.Join(quoted, ", ")
			if k.isList() {
				text = "[" + text + "]"
			}
		}
		want := e.want
		if want == "" {
			want = strings.ReplaceAll(text, "'", `"`)
		}
		var flags, apart, lines []string
		for _, item := range e.items {
			flags = append(flags, k.Flag()+"="+item)
			apart = append(apart, k.Flag(), item)
			lines = append(lines, k.Name+" "+item+"\n")
		}
		if k.isBool() {
			apart = []string{k.Flag()}
		}
		for _, source := range []struct {
			args, environ []string
			name, text    string
			origin        string
		}{
			{args: flags, origin: "flag " + k.Flag()},
			{args: apart, origin: "flag " + k.Flag()},
			{environ: []string{k.Env() + "=" + strings.Join(e.items, ",")}, origin: "environment " + k.Env()},
			{name: "a.toml", text: "# x\n" + k.Name + " = " + text, origin: "a.toml:2"},
			{name: "a.conf", text: "# x\n" + strings.Join(lines, ""), origin: "a.conf:2"},
		} {
			args := slices.Concat(strings.Fields(e.context), source.args)
			if source.name != "" {
				args = append(args, "--config", source.name)
			}
			if e.program {
				args = append(args, "--", "phpx")
			}
			s, err := Load(args, source.environ, oneFile(source.name, source.text))
			if err != nil {
				t.Errorf("%s: %v", source.origin, err)
				continue
			}
			got := tomlText(table(&s.Serve)[i].into)
			if got != want || s.Origin(k.Name) != source.origin {
				t.Errorf("%s: %s by %s, want %s", source.origin, got, s.Origin(k.Name), want)
			}
			if k.Name != "app" && got == tomlText(standard[i].into) {
				t.Errorf("%s: %s is the default", k.Name, got)
			}
			if fixed := Reloadable(defaults, s); k.Name != "app" && slices.Contains(fixed, k.Name) == k.Reload {
				t.Errorf("%s: declared reloadable: %v, but the fixed ones are %q", k.Name, k.Reload, fixed)
			}
		}
	}
}

func TestForeignNamesLeadToSettings(t *testing.T) {
	rows := Keys()
	for name, key := range foreign {
		if !slices.ContainsFunc(rows, func(k Key) bool { return k.Name == key }) {
			t.Errorf("%s leads to %s, which is no setting", name, key)
		}
	}
}

func TestSplitList(t *testing.T) {
	for text, want := range map[string][]string{
		"a,b":         {"a", "b"},
		`\d{1,3}`:     {`\d{1,3}`},
		"a{1,},b{2}":  {"a{1,}", "b{2}"},
		"a{1,2,b":     {"a{1", "2", "b"},
		"{1,2},{3,4}": {"{1,2}", "{3,4}"},
		"a{,2}":       {"a{", "2}"},
		"":            {""},
		",":           {"", ""},
	} {
		if got := splitList(text, true); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if got := splitList(text, false); !slices.Equal(got, strings.Split(text, ",")) {
			t.Errorf("%q: %q without expressions", text, got)
		}
	}
}
