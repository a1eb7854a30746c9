package main

import (
	"os"

	"github.com/bident/bident/cmd/bident/options"
	"github.com/bident/bident/httpd"
)

// noteSpawned notes whether this program was started as spawn-fcgi and mod_fcgid start
// theirs, with a listening socket at descriptor 0 (FastCGI 1.0, section 2.2): then that
// is where it listens, if nothing says otherwise. It is noted in the environment, since
// reloads and the program's successor, who inherits the socket in another way, have to
// find the same.
func noteSpawned() error {
	switch {
	case listening(os.Stdin):
		return os.Setenv(options.ListenVariable, "0")
	case httpd.Upgrading():
		return nil
	}
	return os.Unsetenv(options.ListenVariable)
}
