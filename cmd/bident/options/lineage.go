package options

import (
	"fmt"
	"path/filepath"
	"strings"
)

// socketVariable is how the daemons behind mod_proxy_fcgi were told where to listen.
const socketVariable = "FCGI_SOCKET_PATH"

// ListenVariable is a variable by which the program says that it was started as FastCGI
// 1.0, section 2.2, has it: with a listening socket at descriptor 0, which is the value.
const ListenVariable = "FCGI_LISTENSOCK_FILENO"

// lineage turns variables of the programs that went before this one into given
// values, which go behind all others.
func (r *reading) lineage(environ []string) []given {
	name, url := "", ""
	if fd := lookUp(environ, ListenVariable); fd != "" {
		name, url = ListenVariable, "fcgi+fd://"+fd
	}
	if text := lookUp(environ, socketVariable); text != "" {
		name = socketVariable
		switch {
		case strings.Trim(text, "0123456789") == "":
			// To libfcgi it is the name of a file, which is nobody's intention.
			r.problems = append(r.problems, Problem{
				Where: name, What: fmt.Sprintf("%q is neither a port nor a path", text),
				Hint: fmt.Sprintf(":%s for the port, ./%[1]s for a UNIX socket", text),
			})
			return nil
		case strings.Contains(text, ":") && !strings.Contains(text, "/"):
			url = "fcgi://" + text
		default:
			path, err := filepath.Abs(text)
			if err != nil {
				path = text
			}
			url = "fcgi+unix://" + path
		}
	}
	if url == "" {
		return nil
	}
	at := origin{from: fromEnvironment, name: name}
	return []given{{"listen", value{kind: array, items: []value{{kind: word, text: url}}}, at}}
}
