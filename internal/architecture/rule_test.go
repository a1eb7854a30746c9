package architecture

// rule is what packages may import beside the standard library. The first rule
// whose path matches a package is its rule.
type rule struct {
	path string // of the directory; "x/..." is x and all below
	ours []string
	// theirs are prefixes of import paths outside the module.
	theirs []string
	why    string
}

const (
	fasthttp = "github.com/valyala/fasthttp"
	toml     = "github.com/pelletier/go-toml/v2"
	hdr      = "github.com/HdrHistogram/hdrhistogram-go"
	xsys     = "golang.org/x/sys"
	xterm    = "golang.org/x/term"
	xcrypto  = "golang.org/x/crypto"
	proxy    = "github.com/pires/go-proxyproto"
)

var rules = []rule{
	{
		path: "pool",
		why: "policy, queue and scoreboard know nothing of HTTP or of systems, or " +
			"they could not be the same for every kind of worker",
	},
	{
		path: "emulate", ours: []string{"pool"},
		why: "a backend knows the interface that it implements; it runs wherever Go " +
			"does, so nothing of a system, and it does not know the other backend, or " +
			"they would grow into each other",
	},
	{
		path: "fork", ours: []string{"pool", "internal/..."}, theirs: []string{xsys},
		why: "the other backend: processes, descriptors and memory. What is said over " +
			"them, HTTP or FastCGI, is httpd's affair, as is the choice between backends",
	},
	{
		path: "httpd", ours: []string{"pool", "emulate", "fork", "internal/..."}, theirs: []string{fasthttp},
		why: "the only place where both backends are known, and HTTP. What it needs " +
			"of a system comes through fork and the leaves",
	},
	{
		path: "cmd/bident", ours: []string{"httpd", "pool", "internal/load", "cmd/bident/..."}, theirs: []string{xsys, xterm},
		why: "the command is the first user of the public API (pool.Config is part " +
			"of it): what it cannot do, no program that embeds a Server can",
	},
	{
		path: "cmd/bident/demo", ours: []string{"httpd"}, theirs: []string{fasthttp, xsys},
		why: "an application like any other: a handler that uses what httpd offers",
	},
	{
		path: "cmd/bident/options", theirs: []string{toml},
		why: "reading settings is a pure function of text; what they mean is decided " +
			"where they are used",
	},
	{
		path: "examples/...", ours: []string{"httpd", "pool"}, theirs: []string{fasthttp},
		why: "an example can be copied out of the repository and still build",
	},
	{
		path: "internal/peers/...", ours: []string{"httpd", "pool", "internal/peers/..."}, theirs: []string{fasthttp},
		why: "the programs that benchmarks compare: nobody imports them, and the one " +
			"that embeds a Server does so through the public API",
	},
	{
		path: "internal/architecture",
		why:  "a test that looks at all packages, and needs none of them",
	},
	{
		path: "internal/forwarded", ours: []string{"internal/access"}, theirs: []string{proxy},
		why: "the PROXY protocol is read by a kept library; nobody else needs to know it",
	},
	{
		path: "internal/certs", theirs: []string{xcrypto},
		why: "certificates and tickets; ordering certificates is a kept library's work",
	},
	{
		path: "internal/files", theirs: []string{fasthttp, xsys},
		why: "a handler of fasthttp's, which could serve any server of that kind",
	},
	{
		path: "internal/nethttp", theirs: []string{fasthttp},
		why: "the adaptor stands between two libraries and sees the front through an " +
			"interface of its own only",
	},
	{
		path: "internal/...", ours: []string{"internal/..."}, theirs: []string{xsys, hdr},
		why: "leaves: small, without policy, used from above and by each other. One " +
			"that knew a package above it could not be tested or understood alone",
	},
}

// topLevel are the directories that may hold Go code.
var topLevel = []string{"pool", "emulate", "fork", "httpd", "cmd", "internal", "examples"}

// drawers are names that say nothing about what is inside.
var drawers = []string{"util", "utils", "helper", "helpers", "common", "types", "misc"}

// systems are what the module is built for.
var systems = []string{"linux", "darwin", "windows"}
