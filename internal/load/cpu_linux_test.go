package load

import (
	"os"
	"os/exec"
	"testing"
)

// A child that burns processor time is seen through its parent while it lives,
// and after it has been waited for; the sum never falls.
func TestServersCPU(t *testing.T) {
	// The shell starts a child that computes, and waits for it.
	command := exec.Command("sh", "-c", `sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; echo done; read x`)
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); command.Wait() })
	before, err := serversCPU([]int{command.Process.Pid})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	after, err := serversCPU([]int{command.Process.Pid})
	if err != nil {
		t.Fatal(err)
	}
	if after-before < 2*tick {
		t.Errorf("a child that computed shows as %v", after-before)
	}
	whole, err := serversCPU([]int{os.Getpid(), command.Process.Pid})
	if err != nil {
		t.Fatal(err)
	}
	if whole < after {
		t.Errorf("parent and child together used %v, the child alone %v", whole, after)
	}
}

func TestServerPIDs(t *testing.T) {
	url := scripted(t, answering(hello))
	report, err := Run(t.Context(), Config{URL: url, Requests: 2000, ServerPIDs: []int{os.Getpid()}})
	if err != nil {
		t.Fatal(err)
	}
	if report.ServerCPU == nil || *report.ServerCPU <= 0 || report.PerRequest(*report.ServerCPU) <= 0 {
		t.Errorf("server CPU %v (%s)", report.ServerCPU, report.ServerCPUError)
	}
	if report.OwnCPU.Total() <= 0 {
		t.Error("own CPU is zero")
	}
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), Config{URL: url, Requests: 1, ServerPIDs: []int{gone.Process.Pid}}); err == nil {
		t.Error("a process that has ended is measured")
	}
}

func TestParseStat(t *testing.T) {
	p, ok := parseStat([]byte("42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 5 6 7\n"))
	if !ok || p.parent != 7 || p.own != 30*tick || p.reaped != 70*tick {
		t.Errorf("%+v, %v", p, ok)
	}
	for _, bad := range []string{"", "42", "42 (a) S", "42 (a) S x 42 42 0 -1 4194560 1 2 3 4 10 20 30 40 20 0"} {
		if _, ok := parseStat([]byte(bad)); ok {
			t.Errorf("%q is accepted", bad)
		}
	}
}
