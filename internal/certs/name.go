package certs

import "strings"

// lower is the ASCII lower case of a name. strings.ToLower would fold letters
// of other alphabets into ASCII ones, and two names into one; a name of the DNS
// is compared by ASCII alone (RFC 4343 section 3).
func lower(name string) string {
	for i := range len(name) {
		if 'A' <= name[i] && name[i] <= 'Z' {
			b := []byte(name)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return name
}

// canonical is the form in which names are looked up: lower case, without the
// dot of the root.
func canonical(name string) string { return lower(strings.TrimSuffix(name, ".")) }

// validName says whether a host name is one by RFC 1123 section 2.1: labels of
// letters, digits and hyphens, not at an edge, of 1 to 63 octets, 253 in all.
// Underscores are let through, they are found in the wild. A dot at the end is
// the caller's affair; international names must be in their xn-- form.
func validName[T ~string | ~[]byte](name T) bool {
	if len(name) == 0 || len(name) > 253 {
		return false
	}
	start := 0
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '.' {
			if c := name[i]; !isAlpha(c) && !isDigit(c) && c != '-' && c != '_' {
				return false
			}
			continue
		}
		if i == start || i-start > 63 || name[start] == '-' || name[i-1] == '-' {
			return false
		}
		start = i + 1
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
