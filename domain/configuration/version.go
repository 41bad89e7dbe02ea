package configuration

import (
	"slices"
	"strconv"
	"strings"
)

// Version is that of a game, such as 1.12.3: 1 to 6 whole numbers below 2^31. Those
// that one has fewer count as 0.
type Version []int32

const maxParts = 6

// ParseVersion reads a version. What follows its first "-" or "+" isn't compared,
// and is left out: 1.2.0-beta is 1.2.0.
func ParseVersion(s string) (Version, bool) {
	if i := strings.IndexAny(s, "-+"); i >= 0 {
		s = s[:i]
	}
	parts := strings.Split(s, ".")
	if len(parts) > maxParts {
		return nil, false
	}
	v := make(Version, len(parts))
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil || part[0] == '+' {
			return nil, false
		}
		v[i] = int32(n)
	}
	return v, true
}

func (v Version) String() string {
	parts := make([]string, len(v))
	for i, n := range v {
		parts[i] = strconv.Itoa(int(n))
	}
	return strings.Join(parts, ".")
}

// Compare is negative when v is before o, and 0 when they are the same.
func (v Version) Compare(o Version) int {
	for i := range max(len(v), len(o)) {
		var a, b int32
		if i < len(v) {
			a = v[i]
		}
		if i < len(o) {
			b = o[i]
		}
		if a != b {
			return slices.Compare([]int32{a}, []int32{b})
		}
	}
	return 0
}
