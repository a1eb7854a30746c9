package main

import (
	"os"
	"os/user"
	"path/filepath"
	"testing"
)

// TestPHPFPMUser: workers have USER and HOME of whom they run as, unless the pool
// says otherwise.
func TestPHPFPMUser(t *testing.T) {
	t.Parallel()
	needPrograms(t, "php-cgi", "cgi-fcgi")
	root := phpSite(t)
	page := filepath.Join(root, "who.php")
	if err := os.WriteFile(page, []byte("<?php echo getenv('USER'), ' ', getenv('HOME'), ' ', getenv('PATH') === false ? 'clear' : 'PATH';"), 0o644); err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	pools := map[string]string{
		"":                                      me.Username + " " + me.HomeDir + " clear",
		"clear_env = no\n":                      me.Username + " " + me.HomeDir + " PATH",
		"env[HOME] = /x\n":                      me.Username + " /x clear",
		"env[USER] = a\nenv[HOME] = $NO_SUCH\n": "a  clear",
	}
	if nobody, err := user.Lookup("nobody"); err == nil && os.Geteuid() == 0 {
		pools["user = nobody\n"] = "nobody " + nobody.HomeDir + " clear"
		pools["user = "+nobody.Uid+"\nclear_env = no\n"] = "nobody " + nobody.HomeDir + " PATH"
	}
	for pool, want := range pools {
		socket, _ := poolSocket(t, pool)
		if got := askScript(t, socket, map[string]string{"SCRIPT_FILENAME": page}); got != "200 "+want {
			t.Errorf("%q: %s, not %s", pool, got, want)
		}
	}
}
