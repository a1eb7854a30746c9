package options

import "strings"

// Key describes one setting: a row of the table.
type Key struct {
	Name    string   // the key in a file: max_servers
	Aliases []string // other names of the same setting
	Group   string   // heading in the help
	Arg     string   // what a value is called in the help; empty for booleans
	Default string   // the default as it would be written, or its rule in words
	Help    string   // what it does, without a full stop
	Reload  bool     // a reload (HUP) can change it

	derived bool  // Default is a rule in words; the code is in derive
	noFlag  bool  // has no flag of its own
	expr    bool  // its items are regular expressions
	file    bool  // names where settings come from
	into    any   // pointer to the field of Serve
	check   check // what the type alone does not say; may be nil
}

// Flag returns the name on the command line, --max-servers, or "" if the setting
// has no flag of its own.
func (k Key) Flag() string {
	if k.noFlag {
		return ""
	}
	return flagName(k.Name)
}

// Env returns the name of the environment variable, BIDENT_MAX_SERVERS.
func (k Key) Env() string { return envName(k.Name) }

// Keys returns every setting this version offers, in the order of the help.
func Keys() []Key { return table(new(Serve)) }

// names returns the key and its aliases.
func (k Key) names() []string { return append([]string{k.Name}, k.Aliases...) }

func (k Key) isBool() bool { _, ok := k.into.(*bool); return ok }

func (k Key) isList() bool { _, ok := k.into.(*[]string); return ok }

const envPrefix = "BIDENT_"

func flagName(key string) string { return "--" + strings.ReplaceAll(key, "_", "-") }

func envName(key string) string { return envPrefix + strings.ToUpper(key) }

// notBuilt lists the settings that are part of Bident's interface but not of
// this version; true marks booleans, whose flags take no value.
var notBuilt = map[string]bool{
	"clock_socket": false,
	"drain_delay":  false,
	"max_dequeue":  false, "check_for_dequeue": false, "dequeue_command": false,
	"background": true, "setsid": true,
}

// foreign maps names that Net::Server gives to things which have another name
// here to what says the same.
var foreign = map[string]string{
	"port": "listen", "host": "listen", "proto": "listen", "ipv": "listen",
	"serialize": "accept", "access_log_file": "access_log",
	"timeout_header": "header_timeout", "timeout_idle": "idle_timeout",
	"SSL_cert_file": "tls_cert", "SSL_key_file": "tls_key",
}

// nearest returns the known name most like the given one, or "" if none is like
// it: up to a third of its letters may be wrong, or one in a short name.
func nearest(name string, known []string) string {
	if to, ok := foreign[name]; ok {
		return to
	}
	best, at := "", max(1, len(name)/3)+1
	for _, k := range known {
		if d := distance(name, k, at); d < at || d == at && best != "" && k < best {
			best, at = k, d
		}
	}
	return best
}

// distance returns the number of letters to insert, remove or replace to turn a
// into b (Levenshtein), or any number above limit if it is above limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
