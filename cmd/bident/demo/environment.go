package demo

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
)

// variable is a CGI variable.
type variable struct{ name, value string }

// variables are those whose names begin with prefix, sorted by name, octet by
// octet.
func variables(ctx *fasthttp.RequestCtx, prefix string) []variable {
	var all []variable
	for name, value := range httpd.Variables(ctx) {
		if strings.HasPrefix(name, prefix) {
			all = append(all, variable{name, value})
		}
	}
	slices.SortFunc(all, func(a, b variable) int { return strings.Compare(a.name, b.name) })
	return all
}

// environment prints all variables.
func environment(ctx *fasthttp.RequestCtx) {
	for _, v := range variables(ctx, "") {
		fmt.Fprintf(ctx, "%s=%s\n", v.name, v.value)
	}
}

// environmentSum says how many variables there are and what is in them: enough to
// tell whether any was lost or changed, however large they are.
func environmentSum(ctx *fasthttp.RequestCtx) {
	all := variables(ctx, string(ctx.QueryArgs().Peek("prefix")))
	var text bytes.Buffer
	octets := 0
	for _, v := range all {
		octets += len(v.name) + len(v.value)
		fmt.Fprintf(&text, "%s=%s\n", v.name, v.value)
	}
	fmt.Fprintf(ctx, "n=%d bytes=%d sha1=%x\n", len(all), octets, sha1.Sum(text.Bytes()))
}
