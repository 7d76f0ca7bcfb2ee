package state

import (
	"os"
	"path/filepath"
)

// Within returns an Env with all its folders below dir, for bottles that leave
// nothing behind. dir must be private.
func Within(dir string) Env {
	return Env{Lookup: func(name string) (string, bool) {
		switch name {
		case "HOME":
			return dir, true
		case "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR":
			return filepath.Join(dir, name), true
		}
		return os.LookupEnv(name)
	}}
}
