package load

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The values that a zero in Config stands for.
const (
	DefaultConnections = 10
	DefaultDuration    = 10 * time.Second
	DefaultTimeout     = 10 * time.Second
)

// Limits of Config, refused by Validate beyond.
const (
	MaxConnections = 1 << 16
	MaxPipeline    = 1 << 12
	maxTimeout     = time.Minute // the histogram ends there
)

// Config says what to ask, of whom, and for how long. Only URL is required.
type Config struct {
	// URL names the server: http://host[:port][/path[?query]] or
	// http+unix:///path/to.sock, and for a FastCGI responder
	// fcgi://host:port[/path[?query]] or fcgi+unix:///path/to.sock. The forms for
	// UNIX sockets have no room for a request target and are spelled as a
	// server's listen address is; see Target.
	URL string
	// Target is the request target: /path?query, or * with OPTIONS. Empty: that
	// of an http or fcgi URL, and / for the others. It is an error to give two.
	Target string
	// Method is the request method. Empty: GET. CONNECT is refused.
	Method string
	// Headers are further header fields, each "Name: value", sent in order. Host
	// replaces the URL's; the fields that frame a message (Content-Length,
	// Transfer-Encoding, Connection, Upgrade) are the generator's own and refused.
	Headers []string
	// Body is sent with every request, with its Content-Length. Nil: none.
	Body []byte
	// Params are further FastCGI parameters, each "NAME=value", such as
	// SCRIPT_FILENAME=/srv/index.php. They replace those made of the URL, the
	// method and the headers. Not with HTTP.
	Params []string

	// Connections work side by side. 0: DefaultConnections.
	Connections int
	// Pipeline is how many requests go out in one write before their answers are
	// read. 0: 1. FastCGI has no such thing: 1 only.
	Pipeline int
	// Close makes a new connection for each request and asks for its close (in
	// FastCGI: without FCGI_KEEP_CONN); the time to connect is part of the
	// latency. Not with a Pipeline above 1.
	Close bool

	// Warmup is how long requests are sent before they count. 0: not at all.
	Warmup time.Duration
	// Duration is the length of the measured interval. 0: DefaultDuration, or
	// without limit if Requests is given.
	Duration time.Duration
	// Requests ends the interval once exactly that many have been begun in it.
	// 0: no limit. A failure to connect counts as one.
	Requests uint64
	// Timeout bounds the time from sending a request (or from connecting) to its
	// whole answer, and the wait for an announced close. 0: DefaultTimeout; at
	// most a minute. It is kept to within a tenth.
	Timeout time.Duration

	// ExpectStatus is the only status that is right. 0: any below 500 is.
	ExpectStatus int
	// ExpectBody is the only body that is right. Nil: any is; empty and not nil:
	// no octet. Not with HEAD.
	ExpectBody []byte

	// ServerPIDs are the processes whose processor time, with that of all their
	// descendants, is measured over the interval. Linux only: elsewhere Run fails
	// with errors.ErrUnsupported. Empty: none.
	ServerPIDs []int
}

// Validate returns every problem at once (errors.Join), each wrapping
// ErrConfig and naming its field, or nil.
func (c Config) Validate() error {
	var problems []error
	report := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
	}
	d, err := c.destination()
	if err != nil {
		report("%w", err)
	}
	if d.fastCGI && c.Pipeline > 1 {
		report("Pipeline: a FastCGI connection carries one request at a time")
	}
	for _, p := range c.Params {
		if name, _, found := strings.Cut(p, "="); !found || name == "" {
			report("Params: %q is not \"NAME=value\"", p)
		} else if !d.fastCGI && err == nil {
			report("Params: %s is a FastCGI parameter, and the URL names an HTTP server", name)
		}
	}
	method := c.withDefaults().Method
	if !isToken(method) {
		report("Method: %q is not a method", method)
	} else if method == "CONNECT" {
		report("Method: CONNECT asks for a tunnel, which cannot be measured")
	}
	for _, line := range c.Headers {
		if err := checkHeader(line); err != nil {
			report("Headers: %w", err)
		}
	}
	if c.Connections < 0 || c.Connections > MaxConnections {
		report("Connections: %d is not in 1..%d", c.Connections, MaxConnections)
	}
	if c.Pipeline < 0 || c.Pipeline > MaxPipeline {
		report("Pipeline: %d is not in 1..%d", c.Pipeline, MaxPipeline)
	}
	if c.Close && c.Pipeline > 1 {
		report("Pipeline: %d requests cannot share a connection that Close ends after one", c.Pipeline)
	}
	if c.Warmup < 0 {
		report("Warmup: %v is negative", c.Warmup)
	}
	if c.Duration < 0 {
		report("Duration: %v is negative", c.Duration)
	}
	if c.Timeout < 0 || c.Timeout > maxTimeout {
		report("Timeout: %v is not in 0..%v", c.Timeout, maxTimeout)
	}
	if c.ExpectStatus != 0 && (c.ExpectStatus < 200 || c.ExpectStatus > 599) {
		report("ExpectStatus: %d is no final status (200..599)", c.ExpectStatus)
	}
	if method == "HEAD" && len(c.ExpectBody) > 0 {
		report("ExpectBody: the answer to HEAD has no body")
	}
	for _, pid := range c.ServerPIDs {
		if pid <= 0 {
			report("ServerPIDs: %d is not a process id", pid)
		}
	}
	return errors.Join(problems...)
}

// withDefaults puts the documented values in place of zeros.
func (c Config) withDefaults() Config {
	if c.Method == "" {
		c.Method = "GET"
	}
	if c.Connections == 0 {
		c.Connections = DefaultConnections
	}
	if c.Pipeline == 0 {
		c.Pipeline = 1
	}
	if c.Duration == 0 && c.Requests == 0 {
		c.Duration = DefaultDuration
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	return c
}

// checkHeader refuses a header line that is malformed, or that would change
// how the request is framed.
func checkHeader(line string) error {
	name, value, found := strings.Cut(line, ":")
	if !found || !isToken(name) {
		return fmt.Errorf("%q is not \"Name: value\"", line)
	}
	if !isFieldValue([]byte(value)) {
		return fmt.Errorf("%q has a control character in its value", line)
	}
	switch strings.ToLower(name) {
	case "content-length", "transfer-encoding", "connection", "upgrade":
		return fmt.Errorf("%s is set by the generator itself", name)
	}
	return nil
}
