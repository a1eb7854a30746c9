// Package options reads the settings of "bident serve" from the command line,
// the environment, a configuration file, a php-fpm file and the defaults, in that
// order of precedence, and reports everything that is wrong with them at once.
//
// # One table
//
// The function table has a row for every setting: its key (max_servers), the
// field of Serve it fills, its default, its help, what values it takes and
// whether a reload (HUP) can change it. The flag (--max-servers) and the
// environment variable (BIDENT_MAX_SERVERS) follow from the key. Help, Print,
// Reloadable, Keys and all readers work from the table, so that they cannot
// disagree. Settings that Bident knows but this version does not offer stand in
// a second list, notBuilt; they are refused by name, never accepted and ignored.
//
// # The way of a value
//
// Each reader (arguments, environment, TOML, key-value lines) turns its source
// into a list of given values: a name, a value as it was written, and the origin
// (flag, variable, or file and line). The lists are applied from the weakest
// source to the strongest, each value through the one parser of its type. So a
// malformed value in the file is reported even where a flag overrides it, and
// every setting remembers where it came from. A list from a stronger source
// replaces the whole list of a weaker one. What depends on other settings (fork
// mode when a program is given, min_servers = max_servers, ...) is derived last,
// and then contradictions between settings are looked for, leaving out settings
// already reported as malformed. A setting that has no effect with the others is
// such a contradiction, unless its value is its default, since Print writes
// every setting.
//
// Regular expressions, networks and host names are checked here, where their
// place is known; that files exist and certificates fit their keys, and what the
// codes of access_log_format mean, is found out by the server, whose caller makes
// a Problem of it with [Settings.Problem].
//
// Load is a pure function of its arguments: call it again with the same
// arguments, and a function that reads the file again, to reload.
//
// # php-fpm's files
//
// A php-fpm file (phpfpm.go) is one more reader, the weakest: an fpmScanner splits
// text into sections and directives, an fpmFile follows include and finds the pool,
// an fpmMapping makes given values of its directives, whose origins keep the names
// that php-fpm has for them. Whatever php-fpm knows and nothing here corresponds
// to is in Settings.Ignored; what it does not know is a problem. What php-fpm
// takes for granted is said as well (max_requests 0, clear_env, the mode of the
// socket, limit_extensions), with the line of the pool's head or of what it belongs to
// as origin. FCGI_SOCKET_PATH is weaker still, and then FCGI_LISTENSOCK_FILENO, which the
// program sets itself when it finds a listening socket at descriptor 0. Numbers of workers
// are php-fpm's, the times between looks for idle ones are not: check_for_waiting and
// check_for_spawn keep their defaults, which are calmer.
//
// # Conventions
//
//   - Durations: 30s, 5m, 1h30m; a plain number, also fractional, is seconds.
//   - Sizes: 65536, 64k, 10m, 1g, with powers of 1024.
//   - Lists: a flag or a key-value line is repeated, TOML has an array, the
//     environment separates by commas, but for those of repetitions in regular
//     expressions: BIDENT_ALLOW=10\.\d{1,3}\..* is one.
//   - Booleans: --clear-env or --clear-env=false. There is no --no-clear-env.
//   - A flag given twice: the last one counts. A key twice in a file is an error.
//   - An environment variable that is set to nothing counts as not set.
//   - max_servers and n_processes are one setting, as are config and conf_file;
//     one source may not give both names with different values.
//   - Values are UTF-8 without NUL, so that Print can show all of them in TOML.
//   - Names beginning with BIDENT_ that are no setting are refused, but for
//     BIDENT_CHILD and BIDENT_CHILD_*, by which a server marks its children,
//     and the names the caller of Load lists.
//
// The file is TOML if its name ends in .toml. Any other name is read as
// Net::Server's conf_file: a key and a one-word value on a line, separated by
// space, "=" or ":", the key optionally with "--" before it, "#" for comments.
//
// # Why a table and not a flag library
//
// Both the standard flag package and kong stop at the first mistake; here all
// are reported. Kong describes flags by struct tags: groups, help, environment
// and negation come for free, but the resolver for files gives it values without
// line numbers, it has no record of where a value came from, and reload rules,
// refused names and TOML types would need a second table beside the tags. The
// reading of arguments itself, the part a library would save, is the file
// arguments.go: one loop. Of go-toml, the values come from the syntax tree (its
// package unstable), which alone tells the line of every key and how a number
// was written (0o660); Unmarshal only confirms that the whole is valid.
package options
