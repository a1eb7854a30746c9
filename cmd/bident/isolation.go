package main

import (
	"strconv"

	"github.com/bident/bident/cmd/bident/options"
	"github.com/bident/bident/httpd"
)

// isolation is what the settings make of workers.
func isolation(s *options.Settings) httpd.Isolation {
	cpus, _ := strconv.ParseFloat(s.CgroupCPUMax, 64) // checked when it was read
	return httpd.Isolation{
		User: s.User, Group: s.Group, Groups: s.Groups,
		RlimitAS: s.RlimitAS, RlimitNofile: int64(s.RlimitNofile), Nice: s.Nice, CPUs: s.CPUs,
		Umask: s.Umask, Chroot: s.Chroot, Dir: s.WorkingDir, NoNewPrivs: s.NoNewPrivs,
		Cgroup: s.Cgroup, CgroupMemoryMax: s.CgroupMemoryMax, CgroupCPUMax: cpus,
	}
}

// isolationKeys are the settings for fields of httpd.Isolation that messages name.
var isolationKeys = map[string]string{
	"User": "user", "Group": "group", "Groups": "groups", "Chroot": "chroot", "Dir": "working_dir",
	"RlimitAS": "rlimit_as", "RlimitNofile": "rlimit_nofile", "CPUs": "cpus", "Umask": "umask",
}
