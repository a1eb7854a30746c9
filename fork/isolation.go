package fork

import (
	"errors"
	"fmt"
	"math"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// ErrIsolation says that a child cannot be put under the restrictions of its
// Isolation: the kernel refused a step, which the error names.
var ErrIsolation = errors.New("fork: isolation")

// Isolation says what a worker may do and have. The zero value changes nothing, nor
// does the zero value of any field.
//
// The restrictions are put on every child before its program is executed. The parent
// keeps its rights: it binds the addresses, its UNIX sockets and files stay its own,
// and Umask plays no part in their permissions. What cannot be done is an error
// before the first child is started.
type Isolation struct {
	// Rlimits are limits of the kernel's by name: as, core, cpu, data, fsize,
	// memlock, nofile, nproc or stack, in octets, seconds or pieces as in setrlimit(2),
	// both soft and hard; -1 is none. RlimitAS and RlimitNofile are two of them:
	// address space in octets and open descriptors.
	Rlimits      map[string]int64
	RlimitAS     int64
	RlimitNofile int64
	// Nice is the priority, -20 to 19.
	Nice int
	// CPUs are the processors that may be used, as "0,2-3".
	CPUs string
	// Umask is octal, as "027".
	Umask string
	// Chroot is the directory that becomes the root, an absolute path. All paths
	// that a worker uses are inside, those of Dir, of static files and of external
	// programs among them. The file of a program in Go need not be inside, but
	// what it needs in order to run must: nothing, if it was built with
	// CGO_ENABLED=0. Those who keep large bodies need a directory for temporary
	// files there.
	Chroot string
	// Dir is the working directory, an absolute path. With Chroot the default is the
	// new root.
	Dir string
	// User and Group are names or numbers. The default for Group is the user's own.
	// A User other than root has no capabilities, also if it is the one that the
	// server has and that was given some (systemd's AmbientCapabilities).
	User, Group string
	// Groups are the supplementary groups. The default for a User are those that
	// the system knows it to be in, for a Group without User none.
	Groups []string
	// NoNewPrivs denies the child and all that it starts the rights that programs
	// with setuid bits would give it.
	NoNewPrivs bool
	// Cgroup is a directory of the cgroup2 file system that this server has for
	// itself. For every child a group bident-<pid>-<slot> is made below, and
	// removed with all processes in it when the child has ended; groups of servers
	// that were killed are removed by the next one.
	Cgroup string
	// CgroupMemoryMax is how much memory in octets such a group may use. A child
	// that needs more is killed by the kernel.
	CgroupMemoryMax int64
	// CgroupCPUMax is how many processors such a group may keep busy, as 0.5.
	CgroupCPUMax float64
}

// rlimits are the names of limits.
var rlimits = []string{"as", "core", "cpu", "data", "fsize", "memlock", "nofile", "nproc", "stack"}

// leastDescriptors is what a child opens beside a connection for each lane.
const leastDescriptors = 32

// leastAS is an address space in which no program in Go starts.
const leastAS = 256 << 20

// None reports whether nothing is to be changed.
func (i *Isolation) None() bool { return reflect.ValueOf(i).Elem().IsZero() }

// ForChildren names the fields that are set which make sense for children only,
// not for a server as a whole.
func (i *Isolation) ForChildren() []string {
	var set []string
	for _, f := range []struct {
		name string
		on   bool
	}{
		{"Rlimits", i.Rlimits != nil}, {"RlimitAS", i.RlimitAS != 0}, {"RlimitNofile", i.RlimitNofile != 0},
		{"Nice", i.Nice != 0}, {"CPUs", i.CPUs != ""}, {"NoNewPrivs", i.NoNewPrivs}, {"Cgroup", i.Cgroup != ""},
		{"CgroupMemoryMax", i.CgroupMemoryMax != 0}, {"CgroupCPUMax", i.CgroupCPUMax != 0},
	} {
		if f.on {
			set = append(set, f.name)
		}
	}
	return set
}

// Outside is where a path is found by a process that is not in the chroot.
func (i *Isolation) Outside(name string) string {
	if !path.IsAbs(name) {
		if i.Chroot == "" && i.Dir == "" {
			return name
		}
		name = path.Join("/", i.Dir, name)
	}
	if i.Chroot == "" {
		return name
	}
	return path.Join(i.Chroot, path.Join("/", name)) // no .. leads out of it
}

// Validate reports every problem of the fields at once, in a joined error of
// ErrConfig, each with the field's name; nil if there is none. Users and groups
// must exist; whether the rights suffice is found out by New.
func (i *Isolation) Validate() error {
	var problems []error
	bad := func(wrong bool, field, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf("%w: %s: %s", ErrConfig, field, fmt.Sprintf(format, args...)))
		}
	}
	for name, n := range i.Rlimits {
		bad(!slices.Contains(rlimits, name), "Rlimits", "%q is none of %s", name, strings.Join(rlimits, ", "))
		bad(n < -1, "Rlimits", "%s %d is negative", name, n)
	}
	bad(i.RlimitAS < -1, "RlimitAS", "%d is negative", i.RlimitAS)
	bad(i.RlimitNofile < -1, "RlimitNofile", "%d is negative", i.RlimitNofile)
	bad(i.Nice < -20 || i.Nice > 19, "Nice", "%d is not between -20 and 19", i.Nice)
	_, err := parseCPUs(i.CPUs)
	bad(err != nil, "CPUs", "%v", err)
	_, err = parseUmask(i.Umask)
	bad(err != nil, "Umask", "%v", err)
	for _, p := range []struct{ field, path string }{{"Chroot", i.Chroot}, {"Dir", i.Dir}, {"Cgroup", i.Cgroup}} {
		bad(p.path != "" && !path.IsAbs(p.path), p.field, "%q is not an absolute path", p.path)
		bad(strings.ContainsRune(p.path, 0), p.field, "%q contains a NUL", p.path)
	}
	if _, err := i.credentials(); err != nil {
		problems = append(problems, err)
	}
	bad(i.CgroupMemoryMax < 0, "CgroupMemoryMax", "%d is negative", i.CgroupMemoryMax)
	bad(!(i.CgroupCPUMax >= 0 && i.CgroupCPUMax < 1e6), "CgroupCPUMax", "%v is no number of processors", i.CgroupCPUMax)
	bad(i.CgroupCPUMax > 0 && i.CgroupCPUMax < 0.01, "CgroupCPUMax", "%v is less than 0.01", i.CgroupCPUMax)
	bad(i.Cgroup == "" && i.CgroupMemoryMax != 0, "CgroupMemoryMax", "needs Cgroup, a directory to make groups in")
	bad(i.Cgroup == "" && i.CgroupCPUMax != 0, "CgroupCPUMax", "needs Cgroup, a directory to make groups in")
	return errors.Join(problems...)
}

// ValidateFor reports what the children of a backend cannot do with, in a joined
// error of ErrConfig: program is empty if they are this program, lanes is how many
// requests one has in hand at a time.
func (i *Isolation) ValidateFor(program []string, lanes int) error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...)))
	}
	limits := i.limits()
	if len(program) == 0 && i.below("as", leastAS) {
		bad("RlimitAS: %d is too little for a program in Go: at least %d", limits["as"], leastAS)
	}
	if least := int64(leastDescriptors + lanes); i.below("nofile", least) {
		bad("RlimitNofile: %d is too few: at least %d", limits["nofile"], least)
	}
	if len(program) > 0 && i.Chroot != "" && !path.IsAbs(program[0]) {
		bad("Chroot: the program's path is to be absolute, as it is inside: %s", program[0])
	}
	return errors.Join(problems...)
}

// NumCPU is the number of processors in CPUs, 0 if there is none.
func (i *Isolation) NumCPU() int {
	list, err := parseCPUs(i.CPUs)
	if err != nil {
		return 0
	}
	return len(list)
}

// limits are all limits by name, -1 for none.
func (i *Isolation) limits() map[string]int64 {
	out := make(map[string]int64)
	for name, n := range i.Rlimits {
		out[name] = n
	}
	if i.RlimitAS != 0 {
		out["as"] = i.RlimitAS
	}
	if i.RlimitNofile != 0 {
		out["nofile"] = i.RlimitNofile
	}
	return out
}

// below reports whether a limit is set, and to less than that.
func (i *Isolation) below(name string, least int64) bool {
	n, set := i.limits()[name]
	return set && n >= 0 && n < least
}

// maxCPU is the greatest number that a processor can have.
const maxCPU = 1023

// parseCPUs reads a list of processors, as "0,2-3"; nil of an empty one.
func parseCPUs(text string) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	var list []int
	for part := range strings.SplitSeq(text, ",") {
		low, high, ranged := strings.Cut(strings.TrimSpace(part), "-")
		from, err := strconv.ParseUint(low, 10, 32)
		to := from
		if err == nil && ranged {
			to, err = strconv.ParseUint(high, 10, 32)
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is not a list of processors such as 0,2-3", text)
		case from > to:
			return nil, fmt.Errorf("%q: the range %d-%d is empty", text, from, to)
		case to > maxCPU:
			return nil, fmt.Errorf("%q: processor %d is more than %d", text, to, maxCPU)
		}
		for n := int(from); n <= int(to); n++ {
			if !slices.Contains(list, n) {
				list = append(list, n)
			}
		}
	}
	return list, nil
}

// noUmask is the umask of an empty text: that of the parent.
const noUmask = -1

// parseUmask reads an octal umask.
func parseUmask(text string) (int, error) {
	if text == "" {
		return noUmask, nil
	}
	n, err := strconv.ParseUint(text, 8, 32)
	if err != nil || n > 0o777 {
		return noUmask, fmt.Errorf("%q is not an octal umask such as 027", text)
	}
	return int(n), nil
}

// cpuMax is what the kernel's cpu.max says for so many processors.
func cpuMax(processors float64) string {
	const period = 100_000 // microseconds
	return fmt.Sprintf("%d %d", int64(math.Round(processors*period)), period)
}
