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
		Rlimits: rlimits(s),
		User:    s.User, Group: s.Group, Groups: s.Groups,
		RlimitAS: s.RlimitAS, RlimitNofile: int64(s.RlimitNofile), Nice: s.Nice, CPUs: s.CPUs,
		Umask: s.Umask, Chroot: s.Chroot, Dir: s.WorkingDir, NoNewPrivs: s.NoNewPrivs,
		Cgroup: s.Cgroup, CgroupMemoryMax: s.CgroupMemoryMax, CgroupCPUMax: cpus,
	}
}

// rlimits are the limits that have no field of their own.
func rlimits(s *options.Settings) map[string]int64 {
	if s.RlimitCore == "" {
		return nil
	}
	n, err := options.ParseSize(s.RlimitCore)
	if err != nil { // "unlimited", as was checked when it was read
		n = -1
	}
	return map[string]int64{"core": n}
}

// isolationKeys are the settings for fields of httpd.Isolation that messages name.
var isolationKeys = map[string]string{
	"SocketOwner": "socket_owner", "User": "user", "Group": "group", "Groups": "groups", "Chroot": "chroot", "Dir": "working_dir",
	"RlimitAS": "rlimit_as", "RlimitNofile": "rlimit_nofile", "CPUs": "cpus", "Umask": "umask",
}
