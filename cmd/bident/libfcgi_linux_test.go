package main

import (
	"os/exec"
	"testing"
)

// buildResponder compiles the responder in testdata, which is one on libfcgi.
func buildResponder(t *testing.T) string {
	t.Helper()
	needPrograms(t, "cc")
	file := shortDir(t) + "/responder"
	if out, err := exec.Command("cc", "-O2", "-o", file, fixture(t, "responder.c"), "-lfcgi").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out) // libfcgi-dev is missing, perhaps
	}
	return file
}
