package state

import (
	"os"
	"path/filepath"
)

// Within returns an Env with all its folders below dir, for bottles that leave
// nothing behind. dir must be private, and its path short: sockets will be in
// it.
func Within(dir string) Env {
	return Env{Lookup: func(name string) (string, bool) {
		switch name {
		case "HOME", "XDG_RUNTIME_DIR":
			return dir, true
		case "XDG_CONFIG_HOME":
			return filepath.Join(dir, ".config"), true
		case "XDG_STATE_HOME":
			return filepath.Join(dir, ".state"), true
		}
		return os.LookupEnv(name)
	}}
}
