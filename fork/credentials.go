package fork

import (
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strconv"
)

// sameID is the number of a user or group that does not change.
const sameID = -1

// credentials are who a worker is.
type credentials struct {
	UID, GID    int    // sameID: they do not change
	Groups      []int  // supplementary, sorted; nil: they do not change
	User, Group string // as they were given
}

// credentials finds the numbers of user and groups. The error is ErrConfig for each
// that does not exist.
func (i *Isolation) credentials() (credentials, error) {
	c := credentials{UID: sameID, GID: sameID, User: i.User, Group: i.Group}
	var problems []error
	bad := func(field, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%w: %s: %s", ErrConfig, field, fmt.Sprintf(format, args...)))
	}
	groupOf := func(field, name string) int {
		gid, err := findGroup(name)
		if err != nil {
			bad(field, "%v", err)
		}
		return gid
	}
	if i.Group != "" {
		c.GID, c.Groups = groupOf("Group", i.Group), []int{}
	}
	if i.User != "" {
		u, err := findUser(i.User)
		if err == nil {
			err = c.become(u)
		}
		if err != nil {
			bad("User", "%v", err)
		}
	}
	if i.Groups != nil {
		c.Groups = []int{}
		for _, name := range i.Groups {
			c.Groups = append(c.Groups, groupOf("Groups", name))
		}
	}
	slices.Sort(c.Groups)
	c.Groups = slices.Compact(c.Groups)
	return c, errors.Join(problems...)
}

// Credentials are the numbers of the user and of all groups that a worker has. ok is
// false if it has those of this process.
func (i *Isolation) Credentials() (uid int, gids []int, ok bool, err error) {
	c, err := i.credentials()
	if err != nil || c.UID == sameID {
		return 0, nil, false, err
	}
	return c.UID, append([]int{c.GID}, c.Groups...), true, nil
}

// become takes over what is known of a user, as initgroups does.
func (c *credentials) become(u *user.User) (err error) {
	if c.UID, err = number(u.Uid); err != nil {
		return err
	}
	if c.GID == sameID {
		if u.Gid == "" {
			return fmt.Errorf("%q has no entry that names its group: set Group, too", c.User)
		}
		if c.GID, err = number(u.Gid); err != nil {
			return err
		}
	}
	c.Groups = []int{c.GID}
	if u.Username == "" {
		return nil
	}
	named := *u
	named.Gid = strconv.Itoa(c.GID)
	ids, err := named.GroupIds()
	if err != nil {
		return fmt.Errorf("groups of %q: %w", c.User, err)
	}
	for _, id := range ids {
		gid, err := number(id)
		if err != nil {
			return err
		}
		c.Groups = append(c.Groups, gid)
	}
	return nil
}

// suffice reports whether a process with these supplementary groups needs no other
// ones; gid is its group, if that does not change.
func (c *credentials) suffice(have []int, gid int) bool {
	if c.GID != sameID {
		gid = c.GID
	}
	all := func(list []int) []int {
		list = append(slices.Clone(list), gid)
		slices.Sort(list)
		return slices.Compact(list)
	}
	return slices.Equal(all(have), all(c.Groups))
}

// findUser finds a user by name or number. Of a number that nobody has only the
// number is known.
func findUser(name string) (*user.User, error) {
	u, err := user.Lookup(name)
	if err == nil {
		return u, nil
	}
	if _, wrong := number(name); wrong != nil {
		return nil, fmt.Errorf("there is no user %q", name)
	}
	if u, err = user.LookupId(name); err == nil {
		return u, nil
	}
	return &user.User{Uid: name}, nil
}

// findGroup finds a group by name or number, which need not be that of a group.
func findGroup(name string) (int, error) {
	if g, err := user.LookupGroup(name); err == nil {
		return number(g.Gid)
	}
	gid, err := number(name)
	if err != nil {
		return sameID, fmt.Errorf("there is no group %q", name)
	}
	return gid, nil
}

// number reads the number of a user or group. The greatest one means "none" to the
// kernel.
func number(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return sameID, fmt.Errorf("%q is no number of a user or group", text)
	}
	return int(n), nil
}

// userText and groupText name them in messages: "65534 (nobody)".
func (c *credentials) userText() string  { return named(c.UID, c.User) }
func (c *credentials) groupText() string { return named(c.GID, c.Group) }

func named(id int, name string) string {
	if text := strconv.Itoa(id); name == "" || name == text {
		return text
	}
	return fmt.Sprintf("%d (%s)", id, name)
}
