//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary play bident, and the programs that scripts need
// beside it, when it is called by their names. Children of bident are called by
// its name, too, so that fork mode works with no other binary, and with the race
// detector if the tests have it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"bident":    main,
		"responder": responder,
		"culprit":   culprit,
	})
}

// TestScripts runs what users do, in testdata/script. The commands that scripts
// have beside testscript's own are described in doc_test.go.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			runtime := filepath.Join(env.WorkDir, "run")
			env.Setenv("XDG_RUNTIME_DIR", runtime)
			// Every process of a test with the race detector would end a second
			// later.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			env.Setenv("ANY", "http://127.0.0.1:0")
			file, err := os.Executable()
			if err != nil {
				return err
			}
			env.Setenv("BIDENT", file)
			env.Values[stageKey{}] = newStage(env)
			// Servers that took the place of others are not this process's children.
			env.Defer(func() { killMarked("XDG_RUNTIME_DIR=" + runtime) })
			return os.Mkdir(runtime, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve":    cmdServe,
			"start":    cmdStart,
			"ready":    cmdReady,
			"signal":   cmdSignal,
			"exits":    cmdExits,
			"fails":    cmdFails,
			"until":    cmdUntil,
			"logged":   cmdLogged,
			"get":      cmdGet,
			"hold":     cmdHold,
			"held":     cmdHeld,
			"occupy":   cmdOccupy,
			"stale":    cmdStale,
			"workers":  cmdWorkers,
			"gone":     cmdGone,
			"matches":  cmdMatches,
			"freeport": cmdFreeport,
			"same":     cmdSame,
			"raw":      cmdRaw,
		},
		// Peers of other kinds may be missing, but not where every check counts.
		Condition: func(name string) (bool, error) {
			if name == "ci" {
				return os.Getenv("CI") != "", nil
			}
			if name == "root" {
				return os.Geteuid() == 0, nil
			}
			if path, ok := strings.CutPrefix(name, "file:"); ok {
				_, err := os.Stat(path)
				return err == nil, nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
	})
}
