// Package paths compares paths by their text.
package paths

import "strings"

// Below reports whether name lies in the folder dir, at any depth; dir itself
// does not. Both are clean. It looks at no file: where a link leads is for the
// caller to find out first.
func Below(name, dir string) bool {
	return strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}
