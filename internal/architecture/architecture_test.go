package architecture

import (
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/bident/bident"
)

// matches reports whether a directory is the pattern's, or below it if the
// pattern ends in "/...".
func matches(pattern, dir string) bool {
	prefix, below := strings.CutSuffix(pattern, "/...")
	return dir == prefix || below && strings.HasPrefix(dir, prefix+"/")
}

// ruleFor is the rule of the package in a directory, nil if there is none.
func ruleFor(dir string) *rule {
	for i := range rules {
		if matches(rules[i].path, dir) {
			return &rules[i]
		}
	}
	return nil
}

// allows reports whether the rule allows an import.
func (r *rule) allows(imported string) bool {
	if dir, ours := strings.CutPrefix(imported, module+"/"); ours {
		// The peers are programs and their handler, no leaves.
		if matches("internal/peers/...", dir) && !matches(r.path, dir) {
			return false
		}
		return slices.ContainsFunc(r.ours, func(p string) bool { return matches(p, dir) })
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return first != "C" // the standard library; without cgo
	}
	return slices.ContainsFunc(r.theirs, func(p string) bool { return matches(p+"/...", imported) })
}

// violations are the imports of the package in dir that its rule forbids.
func violations(dir string, imports []string) []string {
	r := ruleFor(dir)
	if r == nil {
		return []string{fmt.Sprintf("package %s has no rule: add one, with its reason", dir)}
	}
	var found []string
	for _, imported := range imports {
		if !r.allows(imported) {
			found = append(found, fmt.Sprintf("%s must not import %s: %s", dir, imported, r.why))
		}
	}
	return found
}

// directories are those of the module that hold Go files, as slash-separated
// paths from its root, with their Go files.
func directories(t *testing.T) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		switch {
		case d.IsDir() && name != "." && (base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(base, ".go"):
			found[path.Dir(name)] = append(found[path.Dir(name)], base)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("only %d packages found: this is not the module's root", len(found))
	}
	return found
}

func TestImports(t *testing.T) {
	dirs := directories(t)
	for _, system := range systems {
		t.Run(system, func(t *testing.T) {
			c := build.Default
			c.GOOS, c.GOARCH, c.CgoEnabled = system, "amd64", false
			for dir := range dirs {
				p, err := c.ImportDir(filepath.Join(root, filepath.FromSlash(dir)), 0)
				if none := new(build.NoGoError); errors.As(err, &none) {
					t.Errorf("%s has no code for %s: give its files an _other.go twin", dir, system)
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", dir, err)
					continue
				}
				for _, v := range violations(dir, p.Imports) {
					t.Error(v)
				}
			}
		})
	}
}

// TestRules makes sure that the rules forbid what they are there for.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		dir, imported string
		allowed       bool
	}{
		{"pool", "log/slog", true},
		{"pool", fasthttp, false},
		{"pool", module + "/internal/listen", false},
		{"pool", "C", false},
		{"emulate", fasthttp, false},
		{"emulate", module + "/pool", true},
		{"emulate", module + "/fork", false},
		{"emulate", xsys + "/unix", false},
		{"fork", module + "/emulate", false},
		{"fork", module + "/httpd", false},
		{"fork", fasthttp, false},
		{"fork", module + "/internal/fdpass", true},
		{"fork", module + "/internal/peers/hello", false},
		{"httpd", module + "/emulate", true},
		{"httpd", module + "/fork", true},
		{"httpd", hdr, false},
		{"httpd", fasthttp + "x", false},
		{"httpd", module + "/cmd/bident/options", false},
		{"httpd", module + "/internal/peers/hello", false},
		{"cmd/bident", module + "/httpd", true},
		{"cmd/bident", module + "/fork", false},
		{"cmd/bident", module + "/internal/listen", false},
		{"cmd/bident", fasthttp, false},
		{"cmd/bident/demo", module + "/cmd/bident/options", false},
		{"cmd/bident/options", module + "/httpd", false},
		{"examples/hello", module + "/internal/load", false},
		{"internal/load", module + "/httpd", false},
		{"internal/load", module + "/pool", false},
		{"internal/listen", module + "/internal/fdpass", true},
		{"internal/peers/embedded", module + "/internal/peers/hello", true},
		{"internal/peers/embedded", module + "/fork", false},
	} {
		if got := len(violations(c.dir, []string{c.imported})) == 0; got != c.allowed {
			t.Errorf("%s importing %s: allowed %t, expected %t", c.dir, c.imported, got, c.allowed)
		}
	}
	if len(violations("elsewhere", nil)) == 0 {
		t.Error("a package without a rule is not noticed")
	}
	for _, r := range rules {
		if r.why == "" {
			t.Errorf("the rule of %s gives no reason", r.path)
		}
	}
}

func TestLayout(t *testing.T) {
	for dir, files := range directories(t) {
		if top, _, _ := strings.Cut(dir, "/"); !slices.Contains(topLevel, top) {
			t.Errorf("%s holds Go code; only %s may", dir, strings.Join(topLevel, ", "))
		}
		names := append([]string{path.Base(dir)}, files...)
		for _, name := range names {
			noun := strings.TrimSuffix(strings.TrimSuffix(name, ".go"), "_test")
			for _, system := range append(systems, "unix", "other") {
				noun = strings.TrimSuffix(noun, "_"+system)
			}
			if slices.Contains(drawers, noun) {
				t.Errorf("%s/%s: name it after what is inside", dir, name)
			}
		}
	}
}

// TestComments makes sure that every package says what it is: a library in its
// doc.go, a program in a comment on package main.
func TestComments(t *testing.T) {
	for dir, files := range directories(t) {
		p, err := build.ImportDir(filepath.Join(root, filepath.FromSlash(dir)), 0)
		if none := new(build.NoGoError); errors.As(err, &none) {
			continue // TestImports says so
		}
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command " + path.Base(dir) + " "
		} else if !slices.Contains(files, "doc.go") {
			t.Errorf("%s has no doc.go", dir)
		}
		if !strings.HasPrefix(p.Doc, want) {
			t.Errorf("%s: its comment begins %q, not %q", dir, p.Doc, want)
		}
	}
}

// TestReadme makes sure that the Go code in the README is that of an example
// which is compiled and run.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(root, "httpd", "example_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	tested := unindented(string(example))
	blocks := strings.Split(string(readme), "```go\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("the README has no example")
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.Contains(tested, unindented(code)) {
			t.Errorf("this is not in httpd/example_test.go:\n%s", code)
		}
	}
}

// unindented is text without the white space at the beginning of its lines.
func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}
