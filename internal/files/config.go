package files

import (
	"errors"
	"fmt"
	"mime"
	"runtime"
	"slices"
	"strings"
)

// Config says what is served, and how. Root is required; the zero values of all
// other fields are fit for use.
type Config struct {
	// Root is the directory whose files are served. It is opened by New and held
	// open, whatever its path leads to later.
	Root string
	// Index are the names that are tried in this order for a path that ends with
	// a slash. None: index.html. Each is the name of a file without a slash.
	Index []string
	// Symlinks says which symbolic links below Root are followed. Links in Root
	// itself always are.
	Symlinks Symlinks
	// Dotfiles serves paths with a segment that begins with a dot, which else are
	// 404, except below /.well-known/ (RFC 8615).
	Dotfiles bool
	// Types are media types by extension (".html": "text/html; charset=utf-8"),
	// over the built-in table and the system's. Letter case of extensions is
	// ignored.
	Types map[string]string
	// NoCompress switches compression of answers off. Files that lie compressed
	// beside the file are another matter, see NoPrecompressed.
	NoCompress bool
	// NoPrecompressed switches off the search for file.br, file.zst and file.gz.
	NoPrecompressed bool
	// CacheControl is the Cache-Control field of successful answers and of 304.
	// Empty: none is sent.
	CacheControl string
	// For, if it is not nil, is on whose behalf files are served: a file whose owner,
	// group and mode do not let this user read it is 403, even if this process may. The
	// directories on the way are not looked at.
	For *User
	// Linked, if it is not nil, says whether a file may be served that symbolic links
	// below Root lead to, by its own path, which begins with a slash at Root. Those that
	// may not are 404; so are all if the system does not tell that path (Linux without
	// /proc). executable is whether its mode has an execute bit.
	Linked func(path []byte, executable bool) bool
	// CacheSize is the number of octets that small files and compressed forms may
	// take up in memory, with what is remembered of each file. 0: 32 MiB.
	// Negative: nothing is remembered, every request opens its file and
	// compresses anew.
	CacheSize int64
}

// User is a user of the system.
type User struct {
	UID  uint32
	GIDs []uint32 // all of its groups
}

// mayRead tells whether the user may read a file, by its mode.
func (u *User) mayRead(i *info) bool {
	switch {
	case u == nil, u.UID == 0:
		return true
	case !i.owned: // who owns it is not known
		return i.mode&0o004 != 0
	case i.uid == u.UID:
		return i.mode&0o400 != 0
	case slices.Contains(u.GIDs, i.gid):
		return i.mode&0o040 != 0
	}
	return i.mode&0o004 != 0
}

// defaultCacheSize is Config.CacheSize if that is 0.
const defaultCacheSize = 32 << 20

// Symlinks is a policy for symbolic links.
type Symlinks uint8

const (
	// Inside follows links as long as they stay inside the root. An absolute link
	// is outside, wherever it leads.
	Inside Symlinks = iota
	// Never follows none: a path that meets a link is 404.
	Never
)

// String is "inside" or "never".
func (s Symlinks) String() string {
	switch s {
	case Inside:
		return "inside"
	case Never:
		return "never"
	}
	return fmt.Sprintf("Symlinks(%d)", uint8(s))
}

// MarshalText is String for what is a policy, an error for what is none.
func (s Symlinks) MarshalText() ([]byte, error) {
	if s > Never {
		return nil, fmt.Errorf("no policy for symbolic links: %d", uint8(s))
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads "inside" or "never".
func (s *Symlinks) UnmarshalText(text []byte) error {
	switch string(text) {
	case "inside":
		*s = Inside
	case "never":
		*s = Never
	default:
		return fmt.Errorf("no policy for symbolic links: %q (inside, never)", text)
	}
	return nil
}

// Validate returns every problem of c at once, joined, or nil. It does not look
// at the file system.
func (c *Config) Validate() error {
	var problems []error
	if c.Root == "" {
		problems = append(problems, errors.New("files: Root: missing"))
	}
	if strings.ContainsRune(c.Root, 0) {
		problems = append(problems, errors.New("files: Root: contains NUL"))
	}
	for _, name := range c.Index {
		if !plainName(name) {
			problems = append(problems, fmt.Errorf("files: Index: %q is not the name of a file", name))
		}
	}
	if c.Symlinks > Never {
		problems = append(problems, fmt.Errorf("files: Symlinks: no policy %d", uint8(c.Symlinks)))
	}
	for ext, mediaType := range c.Types {
		if len(ext) < 2 || ext[0] != '.' || strings.ContainsAny(ext[1:], "./\\\x00") {
			problems = append(problems, fmt.Errorf("files: Types: %q is no extension (.html)", ext))
		}
		if t, _, err := mime.ParseMediaType(mediaType); err != nil || !strings.Contains(t, "/") || !fieldValue(mediaType) {
			problems = append(problems, fmt.Errorf("files: Types: %s: %q is no media type", ext, mediaType))
		}
	}
	if !fieldValue(c.CacheControl) {
		problems = append(problems, fmt.Errorf("files: CacheControl: %q is no field value", c.CacheControl))
	}
	return errors.Join(problems...)
}

// plainName tells whether name can be one segment of a path.
func plainName(name string) bool {
	return name != "" && name != "." && name != ".." &&
		!strings.ContainsAny(name, "/\\\x00") && !(windows && aliased([]byte(name)))
}

// fieldValue tells whether s can be sent as the value of a field (RFC 9110
// section 5.5), without obs-text.
func fieldValue(s string) bool {
	for i := range len(s) {
		if s[i] != '\t' && (s[i] < ' ' || s[i] > '~') {
			return false
		}
	}
	return strings.TrimSpace(s) == s
}

// windows: one file has many names there.
const windows = runtime.GOOS == "windows"

// aliased tells whether Windows would read a segment as another name: it ignores
// dots and blanks at the end, takes what follows a colon for a stream, and has
// short names (GIT~1) for long ones.
func aliased(segment []byte) bool {
	last := segment[len(segment)-1]
	if last == '.' || last == ' ' {
		return true
	}
	for i, c := range segment {
		if c == '~' && i+1 < len(segment) && '0' <= segment[i+1] && segment[i+1] <= '9' {
			return true
		}
		if c == ':' || c == '*' || c == '?' || c == '"' || c == '<' || c == '>' || c == '|' {
			return true
		}
	}
	return false
}
