package load

import (
	"bytes"
	"strconv"
	"strings"
)

// requestOctets builds the whole request once: what every connection sends,
// unchanged, for the length of the run. c has its defaults.
func requestOctets(c Config, d destination) []byte {
	var b bytes.Buffer
	b.WriteString(c.Method + " " + d.target + " HTTP/1.1\r\n")
	host := d.host
	var further []string
	for _, line := range c.Headers {
		name, value, _ := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if strings.EqualFold(name, "Host") {
			host = value
			continue
		}
		further = append(further, name+": "+value+"\r\n")
	}
	b.WriteString("Host: " + host + "\r\n")
	for _, line := range further {
		b.WriteString(line)
	}
	if c.Close {
		b.WriteString("Connection: close\r\n")
	}
	if c.Body != nil || impliesBody(c.Method) {
		b.WriteString("Content-Length: " + strconv.Itoa(len(c.Body)) + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(c.Body)
	return b.Bytes()
}

// impliesBody says whether a request without a body should say so
// (RFC 9110 section 8.6).
func impliesBody(method string) bool {
	return method == "POST" || method == "PUT" || method == "PATCH"
}
