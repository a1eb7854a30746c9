package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPHPRunsNoUploads: behind a script's name there may be anything, also the path of
// a file, which is not run whatever php.ini says.
func TestPHPRunsNoUploads(t *testing.T) {
	t.Parallel()
	needPrograms(t, "php-cgi")
	root := shortDir(t)
	for name, text := range map[string]string{
		"app.php":        `<?php echo "app ", $_SERVER['PATH_INFO'] ?? '-';`,
		"upload/pic.jpg": `<?php echo "run";`,
	} {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// A name of its own that takes no arguments, as wrappers have it.
	wrapper := filepath.Join(shortDir(t), "php-fcgi-wrapper")
	if err := os.WriteFile(wrapper, []byte("#!/bin/sh\nexec php-cgi -d cgi.fix_pathinfo=0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, command := range map[string][]string{
		"fix":      {"--", "php-cgi", "-d", "cgi.fix_pathinfo=1"},
		"as it is": {"--", "php-cgi", "-d", "cgi.fix_pathinfo=0"},
		"CGI":      {"--cgi", "--", "php-cgi", "-d", "cgi.fix_pathinfo=0"},
		"wrapper":  {"--", wrapper},
	} {
		d := serveForTest(t, append([]string{"--listen=http://127.0.0.1:0", "--root=" + root, "--max-servers=1"}, command...)...)
		for _, query := range []string{"", "?-x", "?a=b"} {
			if resp, text := do(t, "GET", d.urls[0]+"/app.php/upload/pic.jpg"+query, nil); resp.StatusCode != 200 || text != "app /upload/pic.jpg" {
				t.Errorf("%s%s: %s %q", name, query, resp.Status, text)
			}
		}
		if resp, _ := do(t, "GET", d.urls[0]+"/upload/pic.jpg/x.php", nil); resp.StatusCode != 404 {
			t.Errorf("%s: %s behind a picture", name, resp.Status)
		}
		d.end(0)
	}
}
