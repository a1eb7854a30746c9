package fork

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/memfd"
)

// plan is what a shim is to do, in the order of the fields but for the identity;
// see shim. It is written down in a frozen file.
type plan struct {
	Program    []byte
	Args       [][]byte
	Env        [][]byte
	Own        bool // the program is one in Go: it is opened before the root changes
	Check      bool // only find out whether all this is possible
	Parent     int
	Limits     map[string]int64 // -1: none
	Nice       int              // 0: as the parent
	CPUs       []int            // none: as the parent
	Umask      int
	Chroot     []byte
	Dir        []byte
	Who        credentials
	NoNewPrivs bool
}

// newPlan is the plan of an isolation that was found valid.
func newPlan(i *Isolation) (*plan, error) {
	cpus, err := parseCPUs(i.CPUs)
	if err != nil {
		return nil, err
	}
	umask, err := parseUmask(i.Umask)
	if err != nil {
		return nil, err
	}
	who, err := i.credentials()
	if err != nil {
		return nil, err
	}
	dir := i.Dir
	if dir == "" && i.Chroot != "" {
		dir = "/"
	}
	return &plan{
		Parent: os.Getpid(), Limits: i.limits(), Nice: i.Nice, CPUs: cpus, Umask: umask,
		Chroot: []byte(i.Chroot), Dir: []byte(dir), Who: who, NoNewPrivs: i.NoNewPrivs,
	}, nil
}

// file writes the plan down.
func (p *plan) file() (*os.File, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("fork: plan: %w", err)
	}
	return memfd.Frozen("bident-plan", text)
}

// readPlan reads a plan. Only a frozen file is one.
func readPlan(f *os.File) (*plan, error) {
	seals, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if seals&unix.F_SEAL_WRITE == 0 {
		return nil, errors.New("plan: not a frozen file")
	}
	text, err := memfd.ReadAll(f)
	if err != nil {
		return nil, err
	}
	p := new(plan)
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return p, nil
}

// octets and texts convert between lists of strings, which JSON would alter if
// they are not UTF-8, and of octets.
func octets(list []string) [][]byte {
	out := make([][]byte, len(list))
	for i, s := range list {
		out[i] = []byte(s)
	}
	return out
}

func texts(list [][]byte) []string {
	out := make([]string, len(list))
	for i, b := range list {
		out[i] = string(b)
	}
	return out
}
