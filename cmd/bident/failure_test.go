//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/bident/bident/cmd/bident/options"
	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

func TestFailureIsALineForEachProblem(t *testing.T) {
	wrong := (&httpd.Server{Pool: pool.Config{MinChildTTL: -7}}).Validate()
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{errors.New("text"), 1, "bident: text\n"},
		{fmt.Errorf("httpd: %w", pool.ErrNotClean), 1, "bident: workers had to be killed\n"},
		{fmt.Errorf("%w: %w", httpd.ErrListen, errors.Join(errors.New("listen a"), errors.New("listen b"))), 71,
			"bident: listen a\nbident: listen b\n"},
		{wrong, 78, "bident: Handler is missing\nbident: min_child_ttl: -7ns is negative\n"},
		{options.Problems{{Where: "--a", What: "x", Usage: true}, {Where: "f:1", What: "y"}}, 64, "bident: --a: x\nbident: f:1: y\n"},
		{usageError("no"), 64, "bident: no\n"},
	} {
		var out bytes.Buffer
		if status := fail(&out, c.err); status != c.status || out.String() != c.want {
			t.Errorf("%v: status %d\n%swant %d\n%s", c.err, status, &out, c.status, c.want)
		}
	}
}

func TestKeyOfField(t *testing.T) {
	for field, want := range map[string]string{
		"MaxServers": "max_servers", "MinChildTTL": "min_child_ttl", "MaxRequestsJitter": "max_requests_jitter",
	} {
		if got := keyOf(field); got != want {
			t.Errorf("%s: %s, want %s", field, got, want)
		}
	}
}
