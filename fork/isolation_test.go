package fork

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestIsolationProblems(t *testing.T) {
	for _, c := range []struct {
		isolation Isolation
		want      string // "" for none
	}{
		{Isolation{}, ""},
		{Isolation{CPUs: "0,2-3", Umask: "027", Nice: -20, RlimitAS: -1, Dir: "/", Chroot: "/"}, ""},
		{Isolation{User: "root", Group: "12345", Groups: []string{"0", "7"}}, ""},
		{Isolation{User: "nobody-at-all"}, `User: there is no user "nobody-at-all"`},
		{Isolation{Group: "nothing-at-all"}, `Group: there is no group "nothing-at-all"`},
		{Isolation{User: "root", Groups: []string{"-1"}}, `Groups: there is no group "-1"`},
		{Isolation{User: "1234567"}, `User: "1234567" has no entry that names its group: set Group, too`},
		{Isolation{User: "1234567", Group: "0"}, ""},
		{Isolation{User: "4294967295", Group: "0"}, `User: there is no user "4294967295"`},
		{Isolation{CPUs: "0,x"}, `CPUs: "0,x" is not a list of processors such as 0,2-3`},
		{Isolation{CPUs: "3-2"}, `CPUs: "3-2": the range 3-2 is empty`},
		{Isolation{CPUs: "1024"}, `CPUs: "1024": processor 1024 is more than 1023`},
		{Isolation{CPUs: ","}, `CPUs: "," is not a list of processors such as 0,2-3`},
		{Isolation{Umask: "8"}, `Umask: "8" is not an octal umask such as 027`},
		{Isolation{Umask: "1000"}, `Umask: "1000" is not an octal umask such as 027`},
		{Isolation{Nice: 20}, "Nice: 20 is not between -20 and 19"},
		{Isolation{Rlimits: map[string]int64{"files": 1}}, `Rlimits: "files" is none of as, core, cpu, data, fsize, memlock, nofile, nproc, stack`},
		{Isolation{Rlimits: map[string]int64{"core": -2}}, "Rlimits: core -2 is negative"},
		{Isolation{RlimitNofile: -2}, "RlimitNofile: -2 is negative"},
		{Isolation{Chroot: "srv"}, `Chroot: "srv" is not an absolute path`},
		{Isolation{Dir: "srv"}, `Dir: "srv" is not an absolute path`},
		{Isolation{Chroot: "/a\x00b"}, `Chroot: "/a\x00b" contains a NUL`},
		{Isolation{CgroupMemoryMax: 1 << 20}, "CgroupMemoryMax: needs Cgroup, a directory to make groups in"},
		{Isolation{Cgroup: "/x", CgroupCPUMax: 0.001}, "CgroupCPUMax: 0.001 is less than 0.01"},
	} {
		err := c.isolation.Validate()
		if c.want == "" {
			if err != nil {
				t.Errorf("%+v: %v", c.isolation, err)
			}
			continue
		}
		if !errors.Is(err, ErrConfig) || !strings.HasSuffix(err.Error(), ": "+c.want) {
			t.Errorf("%+v: %v, want %s", c.isolation, err, c.want)
		}
	}
}

func TestLimitsThatAreTooLow(t *testing.T) {
	for _, c := range []struct {
		isolation Isolation
		program   []string
		want      string
	}{
		{Isolation{RlimitAS: 1 << 20}, nil, "RlimitAS: 1048576 is too little for a program in Go"},
		{Isolation{Rlimits: map[string]int64{"as": 1}}, nil, "RlimitAS: 1 is too little"},
		{Isolation{RlimitAS: 1 << 20}, []string{"/bin/x"}, ""},
		{Isolation{RlimitNofile: 8}, []string{"/bin/x"}, "RlimitNofile: 8 is too few: at least 32"},
		{Isolation{Chroot: "/srv"}, []string{"x"}, "Chroot: the program's path is to be absolute"},
	} {
		config := Config{Isolation: c.isolation, Program: c.program}
		err := config.Validate()
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) || c.want == "" && strings.Contains(err.Error(), "Rlimit") {
			t.Errorf("%+v: %v, want %q", c.isolation, err, c.want)
		}
	}
}

func TestCPULists(t *testing.T) {
	for text, want := range map[string][]int{
		"": nil, "0": {0}, "0,2-3": {0, 2, 3}, "2-3, 3,1": {2, 3, 1}, "1023": {1023},
	} {
		if got, err := parseCPUs(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestPathsOutsideTheChroot(t *testing.T) {
	for _, c := range []struct{ chroot, dir, path, want string }{
		{"", "", "www", "www"},
		{"", "", "/www", "/www"},
		{"", "/srv", "www", "/srv/www"},
		{"/jail", "", "www", "/jail/www"},
		{"/jail", "/srv", "www", "/jail/srv/www"},
		{"/jail", "/srv", "/www", "/jail/www"},
		{"/jail", "", "../../etc", "/jail/etc"},
		{"/jail", "", "/../etc", "/jail/etc"},
	} {
		i := Isolation{Chroot: c.chroot, Dir: c.dir}
		if got := i.Outside(c.path); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
