package gitgate

import (
	"fmt"
	"slices"
	"strings"
)

// ClientConfig renders a gitconfig(5) that has git reach hosts by one URL each,
// whichever spelling a remote has. base returns that URL for a host; it ends in a
// slash.
func ClientConfig(hosts []string, base func(host string) string) string {
	var b strings.Builder
	for _, h := range slices.Sorted(slices.Values(hosts)) {
		to := base(h)
		fmt.Fprintf(&b, "[url %q]\n", to)
		for _, from := range Spellings(h) {
			if from != to {
				fmt.Fprintf(&b, "\tinsteadOf = %s\n", from)
			}
		}
	}
	if b.Len() > 0 {
		b.WriteString("[lfs \"transfer\"]\n\tmaxretries = 1\n") // what was refused is refused again
		b.WriteString("[lfs]\n\tactivitytimeout = 0\n")         // the operator may be asked
	}
	return b.String()
}

// Spellings are what URLs of a host may begin with.
func Spellings(host string) []string {
	return []string{"https://" + host + "/", "https://git@" + host + "/", "http://" + host + "/", "git://" + host + "/", "ssh://git@" + host + "/", "ssh://" + host + "/", "git@" + host + ":"}
}
