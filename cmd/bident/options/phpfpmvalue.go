package options

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// number is a directive that has to be there and be a whole number.
func (m *fpmMapping) number(name string, least int) (int, bool) {
	d, ok := m.last[name]
	if !ok {
		m.missing(name, "such as "+name+" = 5")
		return 0, false
	}
	n, err := strconv.Atoi(d.text)
	if err != nil || n < least {
		m.problem(d, clipped(d.text)+" is not a number that can stand there", fmt.Sprintf("at least %d", least))
		return 0, false
	}
	return n, true
}

// fpmUnits are the seconds of php-fpm's units of time.
var fpmUnits = map[byte]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400}

// fpmTime is a time in seconds.
func fpmTime(text string) (string, fault) {
	digits, unit := text, uint64(1)
	if n := len(text); n > 0 && fpmUnits[text[n-1]] != 0 {
		digits, unit = text[:n-1], fpmUnits[text[n-1]]
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return "", fault{clipped(text) + " is not a time", "such as 10, 10s, 5m, 1h or 1d"}
	}
	return strconv.FormatUint(n*unit, 10), fault{}
}

// fpmBool is 1 or 0.
func fpmBool(text string) (string, fault) {
	switch strings.ToLower(text) {
	case "1", "yes", "true", "on":
		return "1", fault{}
	case "0", "no", "false", "off", "":
		return "0", fault{}
	}
	return "", fault{clipped(text) + " is neither yes nor no", "yes, true, on, 1 or no, false, off, 0"}
}

// fpmCore is a size. php-fpm leaves the limit as it is for 0.
func fpmCore(text string) (string, fault) {
	if text == "0" || text == "" {
		return "", fault{}
	}
	if _, err := strconv.ParseUint(text, 10, 63); err != nil && text != unlimitedCore {
		return "", fault{clipped(text) + " is not a size in octets", "a number or unlimited"}
	}
	return text, fault{}
}

// fpmLogLevel is the number of a level.
func fpmLogLevel(text string) (string, fault) {
	switch text {
	case "alert", "error":
		return "0", fault{}
	case "warning":
		return "1", fault{}
	case "notice":
		return "2", fault{}
	case "debug":
		return "4", fault{}
	}
	return "", fault{clipped(text) + " is not a level", "alert, error, warning, notice or debug"}
}

// fpmPermissions are who may connect to a UNIX socket.
var fpmPermissions = []string{"listen.owner", "listen.group", "listen.mode"}

// listenElsewhere is what has an effect of listen and what belongs to it if another
// source says where to listen: who may connect, if it names a UNIX socket.
func (m *fpmMapping) listenElsewhere(by origin) {
	names := []string{"listen", "listen.backlog", "listen.allowed_clients"}
	unix := slices.ContainsFunc(m.elsewhere, isUNIX)
	if !unix {
		names = append(names, fpmPermissions...)
	}
	for _, name := range names {
		if d, is := m.last[name]; is {
			m.ignore(d, "listen is given by "+by.String())
		}
	}
	for _, name := range fpmPermissions {
		// A pool that says nothing of it leaves all of it to that source.
		if d, is := m.last[name]; is && unix {
			m.permissions(d, true)
			return
		}
	}
}

// listener is listen and what belongs to it.
func (m *fpmMapping) listener() {
	if other, is := m.strongest["listen"]; is {
		m.listenElsewhere(other.at)
		return
	}
	d, ok := m.last["listen"]
	if !ok || d.text == "" {
		m.missing("listen", "such as listen = 127.0.0.1:9000, or listen = /run/php.sock")
		return
	}
	unix := false
	switch port, _ := strings.CutPrefix(d.text, ":"); {
	case strings.HasPrefix(d.text, "/"):
		unix = true
		m.set("listen", "fcgi+unix://"+d.text, d.at)
	case strings.Trim(port, "0123456789") == "":
		m.set("listen", "fcgi://:"+port, d.at)
	case strings.Contains(d.text, ":"):
		m.set("listen", "fcgi://"+strings.TrimPrefix(d.text, "*"), d.at)
	default:
		name, ok := m.path(d)
		if !ok {
			return
		}
		unix = true
		m.set("listen", "fcgi+unix://"+name, d.at)
	}
	if b, is := m.last["listen.backlog"]; is {
		if n, ok := m.number("listen.backlog", -1); ok {
			m.set("backlog", itoa(max(n, 0)), b.at) // -1 and 0 are the system's maximum
		}
	}
	m.permissions(d, unix)
	m.webServers(unix)
}

// permissions are who may connect to a UNIX socket. php-fpm's default is put down to
// the directive that is given.
func (m *fpmMapping) permissions(by fpmDirective, unix bool) {
	if !unix {
		for _, name := range fpmPermissions {
			if d, is := m.last[name]; is {
				m.ignore(d, "only UNIX sockets have it")
			}
		}
		return
	}
	m.set("socket_mode", "0660", by.at) // php-fpm's default
	if d, is := m.last["listen.mode"]; is {
		m.set("socket_mode", d.text, d.at)
	}
	owner, group := m.last["listen.owner"], m.last["listen.group"]
	switch {
	case group.text != "":
		at := group.at
		if owner.text != "" {
			at = owner.at
		}
		m.set("socket_owner", owner.text+":"+group.text, at)
	case owner.text != "":
		m.set("socket_owner", owner.text, owner.at)
	}
}

// webServers are the addresses that may connect.
func (m *fpmMapping) webServers(unix bool) {
	d, is := m.last["listen.allowed_clients"]
	switch {
	case !is || d.text == "" || d.text == "any":
		return
	case unix:
		m.ignore(d, "clients of UNIX sockets have no address")
		return
	}
	for one := range strings.SplitSeq(d.text, ",") {
		m.set("web_server", strings.TrimSpace(one), d.at)
	}
}

// extensions are those that scripts may have: with a directory these are what is
// run, without one what a web server may name.
func (m *fpmMapping) extensions() {
	d, is := m.last["security.limit_extensions"]
	if !is {
		d = fpmDirective{text: ".php .phar", at: m.pool.at} // php-fpm's default
	}
	names := strings.Fields(d.text)
	switch {
	case m.strongest["root"].value.text != "":
		if !is || len(names) == 0 {
			return
		}
		for i, name := range names {
			names[i] = regexp.QuoteMeta(name)
		}
		m.set("match", "(?:"+strings.Join(names, "|")+")$", d.at)
	case m.strongest["script"].value.text != "":
		if is {
			m.ignore(d, "script is what is run")
		}
	case m.isPHP():
		if len(names) == 0 {
			names = []string{"*"}
		}
		items := make([]value, len(names))
		for i, name := range names {
			items[i] = value{kind: word, text: name}
		}
		m.given = append(m.given, given{"limit_extensions", value{kind: array, items: items}, d.at})
	case is:
		m.ignore(d, "the program is not PHP's")
	}
}

// isPHP reports whether the program is PHP's, whoever says what it is.
func (m *fpmMapping) isPHP() bool {
	v := m.strongest["program"].value
	if len(v.items) > 0 {
		return IsPHP(v.items[0].text)
	}
	return v.text == "" || IsPHP(v.text)
}

// path is the name of a file, which may stand below the pool's prefix.
func (m *fpmMapping) path(d fpmDirective) (string, bool) {
	switch prefix := m.last["prefix"].text; {
	case strings.HasPrefix(d.text, "/"):
		return d.text, true
	case strings.HasPrefix(prefix, "/"):
		return path.Join(prefix, d.text), true
	}
	m.problem(d, clipped(d.text)+" is a relative path, and the pool has no prefix", "an absolute path")
	return "", false
}

// phpValue checks an item of php_value.
func phpValue(v any) fault {
	name, _, ok := strings.Cut(v.(string), "=")
	if !ok || !isININame(name) {
		return fault{clipped(v.(string)) + " is not a setting of PHP's", "such as memory_limit=64M"}
	}
	return fault{}
}

func isININame(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool { return !isWord(c) && c != '.' && c != '-' })
}

// php is a setting of PHP's, as an argument of php-cgi's -d: the one way that
// works with php-cgi, which heeds neither PHP_VALUE nor PHP_ADMIN_VALUE, as
// variables or as parameters of FastCGI. Those of php_admin_ cannot be kept from
// scripts in this way.
func (m *fpmMapping) php(d fpmDirective) {
	if !d.indexed {
		return
	}
	if !isININame(d.index) {
		m.problem(d, "that is not the name of a setting of PHP's", "such as php_value[memory_limit]")
		return
	}
	text := d.text
	if strings.HasSuffix(d.name, "_flag") {
		var f fault
		if text, f = fpmBool(text); f.what != "" {
			m.problem(d, f.what, f.hint)
			return
		}
	} else if d.quoted || !startsBare(text) {
		text = iniQuoted(text)
	}
	m.set("php_value", d.index+"="+text, d.at)
	if strings.HasPrefix(d.name, "php_admin_") {
		m.note(d, "applied, but scripts may change it", "php-cgi gets it as -d, like php_value")
	}
}

// startsBare reports whether -d takes a text as it would stand in php.ini: names of
// constants and expressions, which text in quotes cannot be.
func startsBare(text string) bool { return text == "" || isWord(rune(text[0])) && text[0] != '_' }

// iniQuoted is text that php.ini reads as it is. In single quotes nothing but
// these means anything there, and pieces in different quotes are one text.
func iniQuoted(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'"'"'`) + "'"
}
