package mitm

import (
	"errors"
	"strings"
)

// checkName says why a host name is not in canonical form: at most 253 bytes,
// labels of 1 to 63 lower-case letters, digits, "-" and "_", no hyphen at a
// label's end, no final dot. Names beyond ASCII come as punycode.
func checkName(name string) error {
	if name == "" || len(name) > 253 {
		return errors.New("a host name has 1 to 253 bytes")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return errors.New("a label of a host name has 1 to 63 bytes")
		}
		if label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("a label does not begin or end with a hyphen")
		}
		for i := range len(label) {
			if !nameByte(label[i]) {
				return errors.New("a host name in canonical form has lower-case letters, digits, \"-\", \"_\" and \".\" only")
			}
		}
	}
	return nil
}

func nameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
