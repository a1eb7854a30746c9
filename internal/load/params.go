package load

import (
	"net"
	"strconv"
	"strings"

	"github.com/bident/bident/internal/fcgi"
)

// requestRecords is requestOctets for a FastCGI responder: the whole request as
// records, with the variables of RFC 3875, section 4.1, for a program that is
// mounted at the root.
func requestRecords(c Config, d destination) []byte {
	var flags uint8
	if !c.Close {
		flags = fcgi.FlagKeepConn
	}
	b := fcgi.AppendBegin(nil, requestID, fcgi.RoleResponder, flags)
	var params []byte
	for _, p := range variables(c, d) {
		params = fcgi.AppendParam(params, p[0], p[1])
	}
	b = fcgi.AppendStreamEnd(fcgi.AppendStream(b, fcgi.TypeParams, requestID, params), fcgi.TypeParams, requestID)
	return fcgi.AppendStreamEnd(fcgi.AppendStream(b, fcgi.TypeStdin, requestID, c.Body), fcgi.TypeStdin, requestID)
}

// variables are the names and values of the parameters, each name once.
func variables(c Config, d destination) [][2]string {
	var list [][2]string
	set := func(name, value string, joins bool) {
		for i := range list {
			if list[i][0] == name {
				if joins {
					value = list[i][1] + ", " + value
				}
				list[i][1] = value
				return
			}
		}
		list = append(list, [2]string{name, value})
	}
	path, query, _ := strings.Cut(d.target, "?")
	name, port, err := net.SplitHostPort(d.address)
	if err != nil || d.network == "unix" {
		name, port = d.host, "80"
	}
	for _, p := range [][2]string{
		{"GATEWAY_INTERFACE", "CGI/1.1"}, {"SERVER_SOFTWARE", "bident"}, {"SERVER_PROTOCOL", "HTTP/1.1"},
		{"SERVER_NAME", name}, {"SERVER_PORT", port}, {"REMOTE_ADDR", "127.0.0.1"}, {"REMOTE_PORT", "1"},
		{"REQUEST_METHOD", c.Method}, {"REQUEST_URI", d.target}, {"SCRIPT_NAME", ""}, {"PATH_INFO", path},
		{"QUERY_STRING", query}, {"HTTP_HOST", d.host},
	} {
		set(p[0], p[1], false)
	}
	if c.Body != nil || impliesBody(c.Method) {
		set("CONTENT_LENGTH", strconv.Itoa(len(c.Body)), false)
	}
	for _, line := range c.Headers {
		field, value, _ := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		switch field = strings.ToUpper(strings.ReplaceAll(field, "-", "_")); field {
		case "CONTENT_TYPE":
			set(field, value, false)
		case "HOST":
			set("HTTP_HOST", value, false)
		default:
			set("HTTP_"+field, value, true)
		}
	}
	for _, p := range c.Params {
		name, value, _ := strings.Cut(p, "=")
		set(name, value, false)
	}
	return list
}
