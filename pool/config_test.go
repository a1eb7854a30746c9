package pool

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestConfigDefaults(t *testing.T) {
	s := time.Second
	fixed := Config{
		MaxServers: 50, MinServers: 50, StartServers: 50,
		CheckForWaiting: 10 * s, CheckForSpawn: 30 * s, MinChildTTL: 10 * s,
		Concurrency: 1, MaxRequests: 1000, MaxSurge: 1, MaxLost: 10,
		StartTimeout: 60 * s, DieTimeout: 60 * s, CheckForDead: 30 * s, QueueSize: 1024, QueueTimeout: 30 * s,
	}
	with := func(change func(*Config)) Config { c := fixed; change(&c); return c }
	for name, test := range map[string]struct{ given, want Config }{
		"zero":        {Config{}, fixed},
		"max_servers": {Config{MaxServers: 3}, with(func(c *Config) { c.MaxServers, c.MinServers, c.StartServers = 3, 3, 3 })},
		"spare":       {Config{MinSpareServers: 2}, with(func(c *Config) { c.MinSpareServers, c.MinServers, c.StartServers = 2, 5, 5 })},
		"spare, few": {Config{MaxSpareServers: 2, MaxServers: 3}, with(func(c *Config) {
			c.MaxSpareServers, c.MaxServers, c.MinServers, c.StartServers = 2, 3, 3, 3
		})},
		"many spare": {Config{MinSpareServers: 7}, with(func(c *Config) { c.MinSpareServers, c.MinServers, c.StartServers = 7, 5, 7 })},
		"on demand":  {Config{MinServers: NoLimit}, with(func(c *Config) { c.MinServers, c.StartServers = 0, 0 })},
		"lanes":      {Config{Concurrency: 8}, with(func(c *Config) { c.Concurrency, c.MaxRequests = 8, 0 })},
		"given": {
			Config{MaxRequests: 5, StartServers: 7, MinServers: 6, QueueSize: 1, StartDelay: s, Seed: 9, DieTimeout: 1},
			with(func(c *Config) {
				c.MaxRequests, c.StartServers, c.MinServers, c.QueueSize, c.StartDelay, c.Seed, c.DieTimeout = 5, 7, 6, 1, s, 9, 1
			}),
		},
		"no limits": {
			Config{
				MaxSpareServers: NoLimit, CheckForWaiting: NoLimit, CheckForSpawn: NoLimit, MinChildTTL: NoLimit,
				MaxRequests: NoLimit, MaxLifetime: NoLimit, MaxSurge: NoLimit, MaxUnavailable: 1, StartDelay: NoLimit, MaxLost: NoLimit,
				StartTimeout: NoLimit, RequestTimeout: NoLimit, DieTimeout: NoLimit, RetireTimeout: NoLimit,
				QueueSize: NoLimit, QueueTimeout: NoLimit, MaxMemory: NoLimit, KillMemory: NoLimit, CheckForDead: NoLimit,
			},
			Config{MaxServers: 50, MinServers: 50, StartServers: 50, Concurrency: 1, MaxUnavailable: 1, MaxSpareServers: NoLimit},
		},
	} {
		if err := test.given.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := test.given.WithDefaults(); got != test.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, test.want)
		}
	}
	if e := fixed; e.Elastic() {
		t.Error("a fixed number is elastic")
	}
	if e := (Config{MinSpareServers: 2}).WithDefaults(); !e.Elastic() {
		t.Error("spare servers are not elastic")
	}
}

func TestConfigValidate(t *testing.T) {
	for name, test := range map[string]struct {
		given Config
		want  []string // fields with a problem, in order
	}{
		"negative": {Config{MaxServers: -2, MinServers: -3, MinSpareServers: -4, MaxSpareServers: -5, StartServers: -6,
			Concurrency: -7, MaxRequests: -8, MaxRequestsJitter: -9, MaxSurge: -10, MaxUnavailable: -11, MaxLost: -12, QueueSize: -13},
			[]string{"MaxServers", "MinServers", "MinSpareServers", "MaxSpareServers", "StartServers", "Concurrency",
				"MaxRequests", "MaxRequestsJitter", "MaxSurge", "MaxUnavailable", "MaxLost", "QueueSize"}},
		"negative times": {Config{CheckForWaiting: -2, CheckForSpawn: -2, MinChildTTL: -2, MaxLifetime: -2, StartDelay: -2,
			StartTimeout: -2, RequestTimeout: -2, DieTimeout: -2, RetireTimeout: -2, QueueTimeout: -2, CheckForDead: -2, MaxMemory: -2, KillMemory: -2},
			[]string{"CheckForWaiting", "CheckForSpawn", "MinChildTTL", "MaxLifetime", "StartDelay", "StartTimeout",
				"RequestTimeout", "DieTimeout", "RetireTimeout", "QueueTimeout", "CheckForDead", "MaxMemory", "KillMemory"}},
		"needs a limit": {Config{MaxServers: NoLimit, Concurrency: NoLimit, MaxUnavailable: NoLimit, MinSpareServers: NoLimit, MaxRequestsJitter: NoLimit},
			[]string{"MaxServers", "MinSpareServers", "Concurrency", "MaxRequestsJitter", "MaxUnavailable"}},
		"both kinds":            {Config{MaxServers: 3, MinServers: 4, QueueTimeout: -5}, []string{"QueueTimeout", "MinServers"}},
		"memory":                {Config{MaxMemory: 2, KillMemory: 1}, []string{"KillMemory"}},
		"memory, one limit":     {Config{KillMemory: 1}, nil},
		"too many servers":      {Config{MaxServers: 2049}, []string{"MaxServers"}},
		"far too many":          {Config{MaxServers: math.MaxInt, MaxSurge: math.MaxInt, Concurrency: math.MaxInt}, []string{"MaxServers", "MaxSurge", "Concurrency"}},
		"too many lanes":        {Config{MaxServers: 64, Concurrency: 1024}, []string{"Concurrency"}},
		"just not too many":     {Config{MaxServers: 63, Concurrency: 1024}, nil},
		"lanes overflow":        {Config{Concurrency: math.MaxInt}, []string{"Concurrency"}},
		"start below min":       {Config{MinServers: 4, StartServers: 3}, []string{"StartServers"}},
		"start above max":       {Config{MaxServers: 4, StartServers: 5}, []string{"StartServers"}},
		"spare above max":       {Config{MaxServers: 4, MinSpareServers: 5}, []string{"MinSpareServers"}},
		"spare contradiction":   {Config{MinSpareServers: 5, MaxSpareServers: 4}, []string{"MinSpareServers"}},
		"jitter":                {Config{MaxRequests: 5, MaxRequestsJitter: 5}, []string{"MaxRequestsJitter"}},
		"jitter without limit":  {Config{MaxRequests: NoLimit, MaxRequestsJitter: 5}, nil},
		"unavailable":           {Config{MaxServers: 2, MaxUnavailable: 2}, []string{"MaxUnavailable"}},
		"irreplaceable":         {Config{MaxSurge: NoLimit}, []string{"MaxSurge"}},
		"on demand, no queue":   {Config{MinServers: NoLimit, QueueSize: NoLimit}, []string{"QueueSize"}},
		"fixed, without queue":  {Config{QueueSize: NoLimit}, nil},
		"several contradictory": {Config{MaxServers: 2, MinServers: 3, MaxUnavailable: 4, MaxSurge: NoLimit}, []string{"MinServers", "MaxUnavailable"}},
	} {
		err := test.given.Validate()
		var fields []string
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				var f *FieldError
				if !errors.As(e, &f) || !errors.Is(e, ErrConfig) || f.Problem == "" || e.Error() != f.Field+": "+f.Problem {
					t.Errorf("%s: %v is no proper problem", name, e)
					continue
				}
				if _, ok := reflect.TypeFor[Config]().FieldByName(f.Field); !ok {
					t.Errorf("%s: no field %q", name, f.Field)
				}
				fields = append(fields, f.Field)
			}
		}
		if !slices.Equal(fields, test.want) {
			t.Errorf("%s: problems with %v, expected %v (%v)", name, fields, test.want, err)
		}
	}
}
