package fork

import (
	"fmt"
	"strings"

	"github.com/bident/bident/internal/listen"
)

// FindOwner finds who is to own the path of a UNIX socket: USER, which stands for
// the user's own group as well, USER:GROUP or :GROUP, in names or numbers; nil if
// the text is empty. The error says what there is not.
func FindOwner(text string) (*listen.Owner, error) {
	if text == "" {
		return nil, nil
	}
	name, group, both := strings.Cut(text, ":")
	if both && group == "" || strings.Contains(group, ":") {
		return nil, fmt.Errorf("%q is none of USER, USER:GROUP and :GROUP", text)
	}
	o := &listen.Owner{UID: sameID, GID: sameID}
	if group != "" {
		gid, err := findGroup(group)
		if err != nil {
			return nil, err
		}
		o.GID = gid
	}
	if name == "" {
		return o, nil
	}
	u, err := findUser(name)
	if err != nil {
		return nil, err
	}
	if o.UID, err = number(u.Uid); err != nil {
		return nil, err
	}
	if group == "" && u.Gid != "" {
		o.GID, err = number(u.Gid)
	}
	return o, err
}
