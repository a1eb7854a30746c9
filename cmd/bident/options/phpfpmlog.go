package options

import "strings"

// fpmFormat is php-fpm's access.format if there is none.
const fpmFormat = `%R - %u %t "%m %r" %s`

// fpmStamp is php-fpm's time, which Apache writes in brackets.
const fpmStamp = "%d/%b/%Y:%H:%M:%S %z"

// accessLog is access.log and access.format.
func (m *fpmMapping) accessLog() {
	d, is := m.last["access.log"]
	format, has := m.last["access.format"]
	if !is || d.text == "" {
		if has {
			m.ignore(format, "there is no access.log")
		}
		return
	}
	name, ok := m.path(d)
	if !ok {
		return
	}
	m.set("access_log", name, d.at)
	if !has {
		format = fpmDirective{name: "access.format", text: fpmFormat, at: d.at}
	}
	text, lost := fpmCodes(format.text, m.pool.name)
	if len(lost) > 0 {
		m.note(format, "there is - instead of "+strings.Join(lost, ", "), "access_log_format has no such codes")
	}
	m.set("access_log_format", text, format.at)
}

// fpmDurations are the units of %d and what they are called in Apache's %T.
var fpmDurations = map[string]string{"": "s", "seconds": "s", "milliseconds": "ms", "milli": "ms", "microseconds": "us", "micro": "us"}

// fpmVariables are variables of a request that Apache has codes for.
var fpmVariables = map[string]string{
	"REQUEST_METHOD": "%m", "SERVER_PROTOCOL": "%H", "REMOTE_ADDR": "%a", "REMOTE_USER": "%u", "SERVER_PORT": "%p",
	"CONTENT_TYPE": "%{Content-Type}i", "CONTENT_LENGTH": "%{Content-Length}i",
}

// fpmCodes turns php-fpm's codes into Apache's. Those that there are none for
// become "-".
func fpmCodes(format, pool string) (text string, lost []string) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		start, form := i, ""
		i++
		if strings.HasPrefix(format[i:], "{") {
			if end := strings.IndexByte(format[i:], '}'); end > 0 {
				form = format[i+1 : i+end]
				i += end + 1
			}
		}
		if i >= len(format) {
			return b.String() + "%%", append(lost, format[start:])
		}
		code := fpmCode(format[i], form, pool)
		if code == "" && format[i] == 'Q' && strings.HasPrefix(format[i+1:], "%q") {
			i += len("%q") // one code is both
			code = "%q"
		}
		if code == "" {
			code, lost = "-", append(lost, format[start:i+1])
		}
		b.WriteString(code)
	}
	return b.String(), lost
}

// fpmCode is Apache's code for one of php-fpm's, "" if there is none.
func fpmCode(c byte, form, pool string) string {
	stamp := form
	if stamp == "" {
		stamp = fpmStamp
	}
	switch c {
	case '%', 'm', 's', 'u':
		return "%" + string(c)
	case 'R':
		return "%a"
	case 'r':
		return "%U"
	case 'p':
		return "%P"
	case 'n':
		return strings.ReplaceAll(pool, "%", "%%")
	case 'l':
		return "%{Content-Length}i"
	case 't':
		return "%{" + stamp + "}t"
	case 'T':
		return "%{end:" + stamp + "}t"
	case 'd':
		if unit, ok := fpmDurations[form]; ok {
			return "%{" + unit + "}T"
		}
	case 'o':
		if form != "" {
			return "%{" + form + "}o"
		}
	case 'e':
		if field, is := strings.CutPrefix(form, "HTTP_"); is && field != "" {
			return "%{" + strings.ReplaceAll(field, "_", "-") + "}i"
		}
		return fpmVariables[form]
	}
	return ""
}
