package httpd

import (
	"fmt"
	"strings"
)

// ownParams are parameters that a program gets with each request, whatever the request
// says.
type ownParams struct{ names, values [][]byte }

// parseParams reads NAME=VALUE, the last one of a name.
func parseParams(list []string) (p ownParams, err error) {
	for _, item := range list {
		name, value, ok := strings.Cut(item, "=")
		switch {
		case !ok, !isVariable(name) || strings.IndexByte(value, 0) >= 0:
			return p, fmt.Errorf("%.100q is no NAME=VALUE of a variable", item)
		case name == "CONTENT_LENGTH":
			return p, fmt.Errorf("%s belongs to the body of each request", name)
		}
		if i := p.find([]byte(name)); i >= 0 {
			p.values[i] = []byte(value)
			continue
		}
		p.names, p.values = append(p.names, []byte(name)), append(p.values, []byte(value))
	}
	return p, nil
}

// isVariable reports whether programs in all languages can have a variable of the name.
func isVariable(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isLetter(c) && c != '_' && (i == 0 || c < '0' || '9' < c) {
			return false
		}
	}
	return name != ""
}

// find is where a name is, -1 for nowhere.
func (p *ownParams) find(name []byte) int {
	for i := range p.names {
		if string(p.names[i]) == string(name) {
			return i
		}
	}
	return -1
}

// own are the parameters that a program gets with each request, nil for none.
func (p *mount) own() *ownParams {
	if p.scripts == nil || len(p.scripts.params.names) == 0 {
		return nil
	}
	return &p.scripts.params
}
