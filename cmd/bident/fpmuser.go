package main

import (
	"os/user"
	"slices"
	"strings"

	"github.com/bident/bident/cmd/bident/options"
)

// environment is what workers get in addition to what they inherit: the variables of
// the settings and, from a php-fpm file as by php-fpm, USER and HOME of whom they run
// as. Who the system does not know has neither.
func environment(s *options.Settings) []string {
	if s.PHPFPMConf == "" {
		return s.Env
	}
	var who *user.User
	var err error
	if s.User == "" {
		who, err = user.Current()
	} else if who, err = user.Lookup(s.User); err != nil {
		who, err = user.LookupId(s.User)
	}
	if err != nil {
		return s.Env
	}
	env := slices.Clone(s.Env)
	for _, v := range []string{"USER=" + who.Username, "HOME=" + who.HomeDir} {
		name, _, _ := strings.Cut(v, "=")
		if !slices.ContainsFunc(s.Env, func(set string) bool { return strings.HasPrefix(set, name+"=") }) {
			env = append(env, v)
		}
	}
	return env
}
