package httpd_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/pool"
)

const askPID = "GET /pid HTTP/1.1\r\nHost: t\r\n\r\n"

// TestFollowMaxRequests: each of the requests that a lane takes one after another
// from a connection has its own ticket.
func TestFollowMaxRequests(t *testing.T) {
	each(t, handlerKinds()[:3], func(t *testing.T, k kind) {
		const limit, depth = 5, 64
		s := start(t, k, pool.Config{MaxServers: 1, MaxRequests: limit})
		c := dialed(t, s.url)
		c.push(strings.Repeat(askPID, depth))
		served := make(map[string]int)
		for range depth {
			resp, err := c.read("GET")
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("%+v %v", resp, err)
			}
			pid, _, _ := strings.Cut(resp.text, " ")
			served[pid]++
		}
		for pid, n := range served {
			if n > limit {
				t.Errorf("%s has served %d requests, at most %d are allowed", pid, n, limit)
			}
		}
		if len(served) < depth/limit {
			t.Errorf("served by %v", served)
		}
	})
}

// TestFollowTimeout: request_timeout is each request's own, also where the front
// sleeps through several of them.
func TestFollowTimeout(t *testing.T) {
	each(t, handlerKinds()[:2], func(t *testing.T, k kind) {
		s, d := start(t, k, pool.Config{MaxServers: 2, RequestTimeout: 200 * time.Millisecond, MaxLost: 4}), conduct(t)
		c := dialed(t, s.url)
		c.push(askPID + askPID + "GET /held" + d.by() + " HTTP/1.1\r\nHost: t\r\n\r\n" + askPID)
		var got []string
		for range 3 {
			resp, err := c.read("GET")
			if err != nil {
				t.Fatalf("after %v: %v", got, err)
			}
			got = append(got, fmt.Sprint(resp.StatusCode))
		}
		if text := strings.Join(got, " "); text != "200 200 504" {
			t.Errorf("answers: %s", text)
		}
		c.over(t)
		p := d.next()
		p.cue("go")
	})
}
