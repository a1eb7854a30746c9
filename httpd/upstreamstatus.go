package httpd

import "time"

// StatusUpstream is the state of one listener of an Upstream.
type StatusUpstream struct {
	URL string `json:"url"`
	// Up says that it can be connected to, as far as is known; Since is when that
	// changed last, zero if it never did.
	Up    bool      `json:"up"`
	Since time.Time `json:"since,omitzero"`
	// Connections are there now, Idle those of them that are kept for a next request.
	Connections int64 `json:"connections"`
	Idle        int64 `json:"idle"`
	// Since the server's start: Opened counts connections, Failures those that could
	// not be had, Requests what was sent, Retries what of it was sent again, because a
	// connection ended before it was read, and Errors the requests whose exchange
	// failed: no answer, a wrong one, one that was cut, or FCGI_OVERLOADED.
	Opened   int64 `json:"opened"`
	Failures int64 `json:"failures"`
	Requests int64 `json:"requests"`
	Retries  int64 `json:"retries"`
	Errors   int64 `json:"errors"`
}

// status is the state of a pool's upstreams, nil if it has none.
func (u *upstream) status() []StatusUpstream {
	if u == nil {
		return nil
	}
	var list []StatusUpstream
	for _, t := range u.origins {
		t.mu.Lock()
		since := t.since
		t.mu.Unlock()
		list = append(list, StatusUpstream{
			URL: t.url, Up: !t.down.Load(), Since: since, Connections: t.open.Load(), Idle: t.idle.Load(),
			Opened: t.opened.Load(), Failures: t.refused.Load(),
			Requests: t.sent.Load(), Retries: t.retried.Load(), Errors: t.failed.Load(),
		})
	}
	return list
}

// pageUpstream is a row of the status page.
type pageUpstream struct {
	StatusUpstream
	Class, Name string
	Changed     bool // it is known when it went up or down
	Ago         time.Duration
}

func pageUpstreams(list []StatusUpstream, now time.Time) (rows []pageUpstream) {
	for _, u := range list {
		row := pageUpstream{StatusUpstream: u, Class: "idle", Name: "up", Changed: !u.Since.IsZero(), Ago: now.Sub(u.Since)}
		if !u.Up {
			row.Class, row.Name = "lost", "down"
		}
		rows = append(rows, row)
	}
	return rows
}
