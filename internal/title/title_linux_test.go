package title

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// roleVariable makes this test binary a process that takes titles: a line each.
const roleVariable = "TITLE_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			err := Set(lines.Text())
			if err == nil {
				err = Name(lines.Text())
			}
			out, failed := exec.Command("env").Output()
			fmt.Printf("%v|%v|%q|%s|%t|%s\n", err, failed, os.Args[1:], os.Getenv("TITLE_TEST_LAST"),
				strings.Contains(string(out), "TITLE_TEST_LAST=last\n"), flag.CommandLine.Name())
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestSet(t *testing.T) {
	for name, args := range map[string][]string{
		"no arguments":   nil,
		"arguments":      {"serve", "--flag", "", "value"},
		"long arguments": {strings.Repeat("x", 1000), strings.Repeat("y", 1000)},
	} {
		t.Run(name, func(t *testing.T) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(self, args...)
			cmd.Args[0] = "p"
			cmd.Env = []string{roleVariable + "=1", "A=" + strings.Repeat("a", 100), "TITLE_TEST_LAST=last"}
			if path := os.Getenv("PATH"); path != "" {
				cmd.Env = append(cmd.Env, "PATH="+path)
			}
			cmd.Stderr = os.Stderr
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { in.Close(); cmd.Wait() })
			lines := bufio.NewScanner(out)
			want := fmt.Sprintf("<nil>|<nil>|%q|last|true|p", args)
			area := len(strings.Join(cmd.Args, "\x00")) + len(strings.Join(cmd.Env, "\x00")) + 2
			for _, title := range []string{
				"bident: worker 3 [idle]", "bident: worker 3 [busy]", "short", "", "worker 12345 [retiring]",
				strings.Repeat("long ", 30), "short again", strings.Repeat("z", 10000), "at last",
			} {
				fmt.Fprintln(in, title)
				if !lines.Scan() {
					t.Fatal(lines.Err())
				}
				if got := lines.Text(); got != want {
					t.Errorf("the process: %s, want %s", got, want)
				}
				cut := title[:min(len(title), area-1)]
				if got := about(t, cmd.Process.Pid, "cmdline"); strings.TrimRight(got, "\x00") != cut {
					t.Errorf("%.100q (%d), want %.100q (%d)", got, len(got), cut, len(cut))
				}
				if got := about(t, cmd.Process.Pid, "comm"); got != title[:min(len(title), 15)]+"\n" {
					t.Errorf("name %q", got)
				}
			}
		})
	}
}

// about reads what the kernel says of a process.
func about(t *testing.T, pid int, what string) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, what))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
