package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// gitwebScript is where Debian puts it.
const gitwebScript = "/usr/share/gitweb/gitweb.cgi"

// TestGitweb: gitweb as a FastCGI program, on a repository of its own.
func TestGitweb(t *testing.T) {
	needPerl(t, "CGI::Fast")
	needPrograms(t, "git", gitwebScript)
	t.Parallel()
	dir := shortDir(t)
	content := strings.Repeat("a line of text < & >\n", 50_000)
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir + "/project", "-c", "user.name=Nobody", "-c", "user.email=nobody@example.org",
			"-c", "init.defaultBranch=main"}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir+"/project", 0o755); err != nil {
		t.Fatal(err)
	}
	git("init", "-q")
	write("project/file.txt", content)
	git("add", ".")
	git("commit", "-qm", "The first of all commits")
	// A FastCGI program looks into the environment of the request, not into its own.
	write("gitweb.conf", fmt.Sprintf("our $projectroot = '%s'; $feature{'snapshot'}{'default'} = ['tgz'];\n", dir))

	d := serveForTest(t, "--listen=http://127.0.0.1:0", "--max-servers=2", "--max-requests=7", "--env=HOME="+dir,
		"--param=GITWEB_CONFIG="+dir+"/gitweb.conf",
		"--", "perl", gitwebScript, "--fcgi")
	d.errs = true
	get := func(query string) string {
		t.Helper()
		resp, text := do(t, "GET", d.urls[0]+"/"+query, nil)
		if resp.StatusCode != 200 {
			t.Fatalf("%s: %s\n%.1000s", query, resp.Status, text)
		}
		return text
	}
	for range 2 {
		for query, want := range map[string]string{
			"":                                        "project/.git",
			"?p=project/.git;a=summary":               "The first of all commits",
			"?p=project/.git;a=log":                   "Nobody",
			"?p=project/.git;a=tree":                  "file.txt",
			"?p=project/.git;a=rss":                   "<rss version=",
			"?p=project/.git;a=blob;f=file.txt":       "a&nbsp;line&nbsp;of&nbsp;text",
			"?p=project/.git;a=commitdiff_plain":      "+a line of text < & >",
			"?p=project/.git;a=search;s=first;h=HEAD": "The first of all",
		} {
			if text := get(query); !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%.2000s", query, want, text)
			}
		}
	}
	if text := get("?p=project/.git;a=blob_plain;f=file.txt"); text != content {
		t.Errorf("%d octets, not the %d of the file", len(text), len(content))
	}
	unzipped, err := gzip.NewReader(strings.NewReader(get("?p=project/.git;a=snapshot;sf=tgz;h=HEAD")))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for archive := tar.NewReader(unzipped); ; {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		found = found || err == nil && strings.HasSuffix(h.Name, "file.txt") && bytes.Equal(text, []byte(content))
	}
	if !found {
		t.Error("the file is not in the archive")
	}
	if resp, text := do(t, "GET", d.urls[0]+"/?p=nothing.git", nil); resp.StatusCode != 404 || !strings.Contains(text, "404") {
		t.Errorf("a project that does not exist: %s", resp.Status)
	}
	d.end(0)
}
