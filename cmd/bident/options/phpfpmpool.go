package options

import (
	"fmt"
	"strings"
)

// fpmMapping turns the directives of a pool, and of the global section, into
// settings.
type fpmMapping struct {
	*fpmFile
	pool      *fpmPool
	strongest map[string]given // what stronger sources say, by key
	elsewhere []string         // the addresses that they say, if any
	given     []given
	last      map[string]fpmDirective // of those that are no lists, the last one counts
}

// fpmRule says what becomes of a directive.
type fpmRule struct {
	key     string                       // the setting it is
	convert func(string) (string, fault) // nil: it is written in the same way
	why     string                       // it is ignored, because of that
	but     string                       // it is applied, but not in all cases, as it says
	unless  string                       // but not noted if it says so anyway
	indexed bool                         // it takes an index
}

// fpmGoesOn says how request_timeout differs from request_terminate_timeout.
const fpmGoesOn = "request_timeout then bounds the time in which the program says nothing"

// fpmPoolRules are the directives of a pool that one setting corresponds to, or
// none. The others are in fpmSpecial.
var fpmPoolRules = map[string]fpmRule{
	"user":                      {key: "user"},
	"group":                     {key: "group"},
	"chroot":                    {key: "chroot"},
	"chdir":                     {key: "working_dir"},
	"process.priority":          {key: "nice"},
	"rlimit_files":              {key: "rlimit_nofile"},
	"rlimit_core":               {key: "rlimit_core", convert: fpmCore},
	"clear_env":                 {key: "clear_env", convert: fpmBool},
	"request_slowlog_timeout":   {key: "slow_request", convert: fpmTime},
	"request_terminate_timeout": {key: "request_timeout", convert: fpmTime, but: fpmGoesOn, unless: "0"},

	"catch_workers_output":    {why: "what workers write is always logged", unless: "1", convert: fpmBool},
	"decorate_workers_output": {why: "lines of workers are always marked", unless: "1", convert: fpmBool},
	"process.dumpable":        {why: "the system decides", unless: "0", convert: fpmBool},
	"slowlog":                 {why: "slow requests are in the log, see log_file"},
	"request_slowlog_trace_depth": {
		why: "slow requests are logged without the stack of PHP"},
	"request_terminate_timeout_track_finished": {
		why: "a request is over when its answer is", unless: "0", convert: fpmBool},
	"pm.max_spawn_rate":    {why: "as many workers are started as there are requests for"},
	"pm.status_path":       {why: "the status is at /status of the admin listener, see admin"},
	"pm.status_listen":     {why: "the status is at /status of the admin listener, see admin"},
	"ping.path":            {why: "the admin listener has /healthz and /readyz, see admin"},
	"ping.response":        {why: "the admin listener has /healthz and /readyz, see admin"},
	"access.suppress_path": {why: "all requests are in the access log", indexed: true},
	"listen.acl_users":     {why: "access lists of sockets are not set, see socket_mode and socket_owner"},
	"listen.acl_groups":    {why: "access lists of sockets are not set, see socket_mode and socket_owner"},
	"listen.setfib":        {why: "routing tables are not chosen", unless: "-1"},
	"apparmor_hat":         {why: "a profile for the service applies to its workers"},
}

// fpmSpecial are the directives of a pool that have code of their own.
var fpmSpecial = []string{"prefix", "listen", "listen.backlog", "listen.owner", "listen.group", "listen.mode", "listen.allowed_clients",
	"pm", "pm.max_children", "pm.start_servers", "pm.min_spare_servers", "pm.max_spare_servers", "pm.process_idle_timeout", "pm.max_requests",
	"access.log", "access.format", "security.limit_extensions", "env", "php_value", "php_flag", "php_admin_value", "php_admin_flag"}

// fpmGlobalRules are the directives of the global section.
var fpmGlobalRules = map[string]fpmRule{
	"pid":       {key: "pid_file"},
	"error_log": {key: "log_file"},
	"log_level": {key: "log_level", convert: fpmLogLevel},

	"daemonize":                   {why: "the server stays in the foreground", unless: "0", convert: fpmBool},
	"process.max":                 {why: "max_servers limits the one pool that is run"},
	"process.priority":            {why: "the priority of the server itself is not changed; that of a pool is nice"},
	"rlimit_files":                {why: "the limits of the server itself are not changed"},
	"rlimit_core":                 {why: "the limits of the server itself are not changed"},
	"emergency_restart_threshold": {why: "workers that die are replaced, with a growing pause"},
	"emergency_restart_interval":  {why: "workers that die are replaced, with a growing pause"},
	"process_control_timeout":     {why: "see die_timeout and retire_timeout"},
	"events.mechanism":            {why: "the server chooses"},
	"systemd_interval":            {why: "the server tells the service manager by itself"},
	"syslog.facility":             {why: "the log is a file, see log_file"},
	"syslog.ident":                {why: "the log is a file, see log_file"},
	"log_limit":                   {why: "lines of workers have a fixed limit"},
	"log_buffering":               {why: "lines of workers are always whole"},
}

// translate makes settings of everything.
func (m *fpmMapping) translate() {
	m.last = map[string]fpmDirective{}
	for _, d := range m.global {
		if d.name == "error_log" && d.text == "syslog" {
			m.ignore(d, "the log is a file, see log_file")
			continue
		}
		m.apply(d, fpmGlobalRules, nil, "global")
	}
	m.set("program", "php-cgi", m.pool.at)
	m.set("clear_env", "true", m.pool.at) // php-fpm's default
	m.set("max_requests", "0", m.pool.at) // as well
	for _, d := range m.pool.directives {
		d.text = strings.ReplaceAll(d.text, "$pool", m.pool.name)
		m.apply(d, fpmPoolRules, fpmSpecial, "pool")
		switch {
		case d.name == "env":
			m.env(d)
		case strings.HasPrefix(d.name, "php_"):
			m.php(d)
		default:
			m.last[d.name] = d
		}
	}
	m.processes()
	m.listener()
	m.extensions()
	m.accessLog()
}

// apply deals with a directive that has a rule.
func (m *fpmMapping) apply(d fpmDirective, rules map[string]fpmRule, special []string, section string) {
	rule, known := rules[d.name]
	for _, name := range special {
		known = known || name == d.name
	}
	indexed := rule.indexed || d.name == "env" || strings.HasPrefix(d.name, "php_")
	switch {
	case !known:
		hint := ""
		names := append([]string(nil), special...)
		for name := range rules {
			names = append(names, name)
		}
		if guess := nearest(d.name, names); guess != "" {
			hint = "did you mean " + guess + "?"
		} else if _, other := fpmPoolRules[d.name]; other && section == "global" {
			hint = "it stands in the section of a pool"
		}
		m.problem(d, fmt.Sprintf("php-fpm has no such directive in a %s section", section), hint)
		return
	case d.indexed != indexed:
		what := "takes no name in brackets"
		if indexed {
			what = "needs a name in brackets"
		}
		m.problem(d, what, "")
		return
	case rule.key == "" && rule.why == "":
		return
	}
	text := d.text
	if rule.convert != nil {
		var f fault
		if text, f = rule.convert(text); f.what != "" {
			m.problem(d, f.what, f.hint)
			return
		}
	}
	switch {
	case rule.key != "":
		m.set(rule.key, text, d.at)
		if rule.but != "" && rule.unless != text {
			m.note(d, "applied, but an answer that goes on is not ended", rule.but)
		}
	case rule.unless == "" || rule.unless != text:
		m.ignore(d, rule.why)
	}
}

// set gives a setting. What is said last counts, but for lists.
func (m *fpmMapping) set(key, text string, at origin) {
	g := given{key, value{kind: word, text: text}, at}
	if key == "program" {
		g.value = value{kind: array, items: []value{g.value}}
	}
	if key != "env" && key != "php_value" && key != "web_server" {
		for i := range m.given {
			if m.given[i].name == key {
				m.given[i] = g
				return
			}
		}
	}
	m.given = append(m.given, g)
}

func (m *fpmMapping) problem(d fpmDirective, what, hint string) {
	m.problems = append(m.problems, Problem{Where: d.at.where(), What: d.label() + ": " + what, Hint: hint})
}

// env is a variable of the workers' environment. A text that begins with $ names
// one of the server's.
func (m *fpmMapping) env(d fpmDirective) {
	if name, is := strings.CutPrefix(d.text, "$"); is {
		d.text = m.variable(name)
	}
	switch d.index {
	case "":
		if d.indexed {
			m.problem(d, "the name of the variable is empty", "such as env[PATH]")
		}
	case "PHP_FCGI_CHILDREN", "PHP_FCGI_MAX_REQUESTS":
		m.ignore(d, "max_servers and max_requests say it")
	default:
		m.set("env", d.index+"="+d.text, d.at)
	}
}

// processes are pm and what belongs to it.
func (m *fpmMapping) processes() {
	pm, ok := m.last["pm"]
	if !ok {
		m.missing("pm", "static, dynamic or ondemand")
		return
	}
	most, ok := m.number("pm.max_children", 1)
	if !ok {
		return
	}
	m.set("max_servers", itoa(most), m.last["pm.max_children"].at)
	if d, is := m.last["pm.max_requests"]; is {
		if n, ok := m.number("pm.max_requests", 0); ok {
			m.set("max_requests", itoa(n), d.at)
		}
	}
	uses := []string{}
	switch pm.text {
	case "static":
	case "dynamic":
		uses = []string{"pm.start_servers", "pm.min_spare_servers", "pm.max_spare_servers"}
		m.dynamic(most)
	case "ondemand":
		uses = []string{"pm.process_idle_timeout"}
		m.set("min_servers", "0", pm.at)
		m.set("max_idle", "10", pm.at) // php-fpm's default
		if d, is := m.last["pm.process_idle_timeout"]; is {
			if text, f := fpmTime(d.text); f.what != "" {
				m.problem(d, f.what, f.hint)
			} else {
				m.set("max_idle", text, d.at)
			}
		}
	default:
		m.problem(pm, clipped(pm.text)+" is not a way to manage processes", "static, dynamic or ondemand")
		return
	}
	for _, name := range []string{"pm.start_servers", "pm.min_spare_servers", "pm.max_spare_servers", "pm.process_idle_timeout"} {
		if d, is := m.last[name]; is && !strings.Contains(strings.Join(uses, " "), name) {
			m.ignore(d, "it has no meaning with pm = "+pm.text)
		}
	}
}

// dynamic is the number of workers that follows the number of idle ones. As in
// php-fpm the idle ones are the only lower limit.
func (m *fpmMapping) dynamic(most int) {
	least, ok := m.number("pm.min_spare_servers", 1)
	spare, ok2 := m.number("pm.max_spare_servers", 1)
	if !ok || !ok2 {
		return
	}
	low, high := m.last["pm.min_spare_servers"], m.last["pm.max_spare_servers"]
	switch {
	case least > most:
		m.problem(low, fmt.Sprintf("%d is more than pm.max_children, %d", least, most), fmt.Sprintf("at most %d", most))
		return
	case spare > most:
		m.problem(high, fmt.Sprintf("%d is more than pm.max_children, %d", spare, most), fmt.Sprintf("at most %d", most))
		return
	case spare < least:
		m.problem(high, fmt.Sprintf("%d is less than pm.min_spare_servers, %d", spare, least), fmt.Sprintf("at least %d", least))
		return
	}
	m.set("min_servers", itoa(least), low.at)
	m.set("min_spare_servers", itoa(least), low.at)
	m.set("max_spare_servers", itoa(spare), high.at)
	start, at := least+(spare-least)/2, high.at
	if d, is := m.last["pm.start_servers"]; is {
		if start, ok = m.number("pm.start_servers", 1); !ok {
			return
		}
		if at = d.at; start < least || start > spare {
			m.problem(d, fmt.Sprintf("%d is not between the spare limits", start), fmt.Sprintf("%d to %d", least, spare))
			return
		}
	}
	m.set("start_servers", itoa(start), at)
}

// missing reports a directive that has to be there.
func (m *fpmMapping) missing(name, hint string) {
	m.problems = append(m.problems, Problem{Where: m.pool.at.where(), What: m.pool.at.label("") + name + " is missing", Hint: hint})
}
