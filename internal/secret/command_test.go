package secret

import (
	"os"
	"testing"
)

func TestCommandRunsInItsFolder(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	environ := func() []string { return append(os.Environ(), "PWD="+elsewhere, "OLDPWD="+elsewhere) }
	script := `test "$(pwd -P)" = "$PWD" && test -z "$OLDPWD" && echo "$PWD"`
	for _, tt := range []struct{ name, dir, want string }{
		{"the one that is given", dir, dir},
		{"none: the root, where nobody leaves files", "", "/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := sh(`test "$PWD" = '` + tt.want + `' && ` + script + ` > /dev/null && echo ` + goodValue)
			if v, err := mustNew(t, src, Options{Dir: tt.dir, Environ: environ}).Value(t.Context()); v != goodValue {
				t.Errorf("%q, %v", v, err)
			}
		})
	}
}
