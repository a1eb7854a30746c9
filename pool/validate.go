package pool

import (
	"errors"
	"fmt"
	"time"
)

// ErrConfig is what every problem that Validate finds is.
var ErrConfig = errors.New("pool: configuration")

// FieldError is one problem of a configuration.
type FieldError struct {
	Field   string // name of the field of Config
	Problem string // what is wrong with it and what would be right
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// Unwrap gives ErrConfig.
func (e *FieldError) Unwrap() error { return ErrConfig }

// Validate reports every problem of the configuration at once, each as a
// *FieldError in a joined error; nil if there is none. It looks at a
// configuration as the user gave it, before WithDefaults. A field that is bad in
// itself is compared with no other one.
func (c Config) Validate() error {
	var problems []error
	bad := func(field, format string, args ...any) {
		problems = append(problems, &FieldError{field, fmt.Sprintf(format, args...)})
	}
	const limited = true
	for _, f := range []struct {
		name    string
		value   *int
		limited bool
	}{
		{"MaxServers", &c.MaxServers, limited}, {"MinServers", &c.MinServers, false},
		{"MinSpareServers", &c.MinSpareServers, limited}, {"MaxSpareServers", &c.MaxSpareServers, false},
		{"StartServers", &c.StartServers, false}, {"Concurrency", &c.Concurrency, limited},
		{"MaxRequests", &c.MaxRequests, false}, {"MaxRequestsJitter", &c.MaxRequestsJitter, limited},
		{"MaxSurge", &c.MaxSurge, false}, {"MaxUnavailable", &c.MaxUnavailable, limited},
		{"MaxLost", &c.MaxLost, false}, {"QueueSize", &c.QueueSize, false},
	} {
		switch {
		case *f.value < NoLimit:
			bad(f.name, "%d is negative", *f.value)
		case *f.value == NoLimit && f.limited:
			bad(f.name, "needs a limit")
		default:
			continue
		}
		*f.value = 0
	}
	for _, f := range []struct {
		name  string
		value *time.Duration
	}{
		{"CheckForWaiting", &c.CheckForWaiting}, {"CheckForSpawn", &c.CheckForSpawn},
		{"MinChildTTL", &c.MinChildTTL}, {"MaxLifetime", &c.MaxLifetime},
		{"StartDelay", &c.StartDelay}, {"StartTimeout", &c.StartTimeout},
		{"RequestTimeout", &c.RequestTimeout}, {"DieTimeout", &c.DieTimeout},
		{"RetireTimeout", &c.RetireTimeout}, {"QueueTimeout", &c.QueueTimeout},
		{"CheckForDead", &c.CheckForDead}, {"MaxIdle", &c.MaxIdle},
	} {
		if *f.value < NoLimit {
			bad(f.name, "%s is negative", *f.value)
			*f.value = 0
		}
	}
	for _, f := range []struct {
		name  string
		value *int64
	}{{"MaxMemory", &c.MaxMemory}, {"KillMemory", &c.KillMemory}} {
		if *f.value < NoLimit {
			bad(f.name, "%d is negative", *f.value)
			*f.value = 0
		}
	}
	c.contradictions(bad)
	return errors.Join(problems...)
}

// contradictions reports fields that do not go together.
func (c Config) contradictions(bad func(field, format string, args ...any)) {
	d := c.WithDefaults()
	if d.MaxServers > MaxSlots/2 {
		bad("MaxServers", "%d is more than %d", d.MaxServers, MaxSlots/2)
	}
	if d.MaxSurge > MaxSlots/2 {
		bad("MaxSurge", "%d is more than %d", d.MaxSurge, MaxSlots/2)
		d.MaxSurge = 1
	}
	if most := min(d.MaxServers, MaxSlots/2) + d.MaxSurge; d.Concurrency > MaxLanes/most {
		bad("Concurrency", "%d workers with %d lanes each are more than %d lanes",
			most, d.Concurrency, MaxLanes)
	}
	if d.MinServers > d.MaxServers {
		bad("MinServers", "%d is more than MaxServers, %d", d.MinServers, d.MaxServers)
	}
	if c.StartServers != 0 && d.StartServers > d.MaxServers {
		bad("StartServers", "%d is more than MaxServers, %d", d.StartServers, d.MaxServers)
	}
	if c.StartServers != 0 && d.StartServers < min(d.MinServers, d.MaxServers) {
		bad("StartServers", "%d is less than MinServers, %d", d.StartServers, d.MinServers)
	}
	if d.MinSpareServers > d.MaxServers {
		bad("MinSpareServers", "%d is more than MaxServers, %d", d.MinSpareServers, d.MaxServers)
	}
	if d.MaxSpareServers > 0 && d.MinSpareServers > d.MaxSpareServers {
		bad("MinSpareServers", "%d is more than MaxSpareServers, %d", d.MinSpareServers, d.MaxSpareServers)
	}
	if d.MaxRequests > 0 && d.MaxRequestsJitter >= d.MaxRequests {
		bad("MaxRequestsJitter", "%d must be less than MaxRequests, %d", d.MaxRequestsJitter, d.MaxRequests)
	}
	if d.KillMemory > 0 && d.KillMemory < d.MaxMemory {
		bad("KillMemory", "%d is less than MaxMemory, %d", d.KillMemory, d.MaxMemory)
	}
	if d.MaxUnavailable >= d.MaxServers {
		bad("MaxUnavailable", "%d must be less than MaxServers, %d", d.MaxUnavailable, d.MaxServers)
	}
	if d.MaxSurge == 0 && d.MaxUnavailable == 0 {
		bad("MaxSurge", "with no surge and MaxUnavailable 0 no worker could ever be replaced")
	}
	if d.MinServers == 0 && d.MinSpareServers == 0 && d.QueueSize == 0 {
		bad("QueueSize", "workers are started on demand: a request that finds none must be able to wait")
	}
}
