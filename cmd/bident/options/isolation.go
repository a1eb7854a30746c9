package options

import (
	"fmt"
	"strconv"
	"strings"
)

// bareName checks user and group, which may be empty.
func bareName(v any) fault {
	if name := v.(string); strings.ContainsAny(name, " \t:") {
		return fault{fmt.Sprintf("%q is not a name or number", name), "such as www-data or 33"}
	}
	return fault{}
}

// owner checks socket_owner.
func owner(v any) fault {
	text := v.(string)
	name, group, both := strings.Cut(text, ":")
	if both && group == "" || strings.ContainsAny(name+group, " \t:") {
		return fault{fmt.Sprintf("%q is not an owner", v), "USER, USER:GROUP or :GROUP"}
	}
	return fault{}
}

// groupName checks an item of groups.
func groupName(v any) fault {
	if v.(string) == "" {
		return fault{"the name of the group is empty", ""}
	}
	return bareName(v)
}

// absolute checks a path that means the same wherever the server is started.
func absolute(v any) fault {
	if path := v.(string); path != "" && !strings.HasPrefix(path, "/") {
		return fault{fmt.Sprintf("%q is not an absolute path", path), "such as /srv/www"}
	}
	return fault{}
}

// coreSize checks rlimit_core.
func coreSize(v any) fault {
	text := v.(string)
	if _, err := ParseSize(text); err != nil && text != "" && text != unlimitedCore {
		return fault{fmt.Sprintf("%q is not a size", text), "such as 0, 10m or unlimited"}
	}
	return fault{}
}

const unlimitedCore = "unlimited"

// umask checks an octal umask.
func umask(v any) fault {
	if n, err := strconv.ParseUint(v.(string), 8, 32); v.(string) != "" && (err != nil || n > 0o777) {
		return fault{fmt.Sprintf("%q is not a umask", v), "octal, 000 to 777, in TOML in quotes"}
	}
	return fault{}
}

// processors checks a list of processors. That they exist is not known here.
func processors(v any) fault {
	list := v.(string)
	if list == "" {
		return fault{}
	}
	for part := range strings.SplitSeq(list, ",") {
		low, high, ranged := strings.Cut(part, "-")
		from, err := strconv.ParseUint(low, 10, 10)
		to := from
		if err == nil && ranged {
			to, err = strconv.ParseUint(high, 10, 10)
		}
		if err != nil || from > to {
			return fault{fmt.Sprintf("%q is not a list of processors", list), "such as 0,2-3; numbers up to 1023"}
		}
	}
	return fault{}
}

// share checks cgroup_cpu_max.
func share(v any) fault {
	n, err := strconv.ParseFloat(v.(string), 64)
	if v.(string) != "" && (err != nil || !(n >= 0.01 && n < 1e6)) {
		return fault{fmt.Sprintf("%q is not a number of processors", v), "such as 0.5; at least 0.01"}
	}
	return fault{}
}
