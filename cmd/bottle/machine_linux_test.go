package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bot-bottle/bottle/vm/smolvm/double"
)

// machineVariable tells a script's commands that its bottles are virtual machines; it
// lists the folders of clients that these see.
const machineVariable = "MACHINE_FOLDERS"

// TestScriptsInMachines runs the scripts of the real clients once more, with virtual
// machines of the double in the place of sandboxes.
func TestScriptsInMachines(t *testing.T) {
	if testing.Short() {
		t.Skip("starts programs by the hundred, each of which takes a second under the race detector")
	}
	p := scripts()
	for _, name := range []string{"claude", "claude_asks", "claude_token", "codex", "codex_key", "agents_terminal", "clients"} {
		p.Files = append(p.Files, "testdata/script/"+name+".txtar")
	}
	p.Setup = func(e *testscript.Env) error {
		if err := setupScript(e); err != nil {
			return err
		}
		dir, data, err := installDouble(e.Getenv("TMPDIR"), nil)
		if err != nil {
			return err
		}
		e.Defer(func() { double.EndAll(data) })
		e.Setenv("PATH", filepath.Join(dir, "bin")+string(filepath.ListSeparator)+e.Getenv("PATH"))
		e.Setenv("SMOLVM_DATA_DIR", data)
		e.Setenv("SMOLVM_VM_UID_DROP", "off") // or root's machines may share no folder
		e.Setenv(machineVariable, ":")
		return writeMachineConfig(e.Getenv("XDG_CONFIG_HOME"), dir, nil)
	}
	testscript.Run(t, p)
}

// inMachine shows a folder in the virtual machines of a script, if it has those.
func inMachine(ts *testscript.TestScript, folder string) {
	list := ts.Getenv(machineVariable)
	if list == "" {
		return
	}
	list += folder + ":"
	ts.Setenv(machineVariable, list)
	ts.Check(writeMachineConfig(ts.Getenv("XDG_CONFIG_HOME"), filepath.Join(ts.Getenv("TMPDIR"), "v"), strings.FieldsFunc(list, func(r rune) bool { return r == ':' })))
}

// writeMachineConfig writes the person's own settings, by which all bottles are virtual
// machines that see the folders.
func writeMachineConfig(home, dir string, folders []string) error {
	var mounts, path []string
	for i, f := range folders {
		at := fmt.Sprintf("/agents/%d", i)
		mounts, path = append(mounts, fmt.Sprintf("{path: %s, at: %s}", f, at)), append(path, at)
	}
	text := fmt.Sprintf("version: 1\nbackend: smolvm\nimage: %s\nmounts: [%s]\nenv: {PATH: %q}\n",
		filepath.Join(dir, "root"), strings.Join(mounts, ", "), strings.Join(append(path, "/usr/local/bin", "/usr/bin", "/bin"), ":"))
	if err := os.MkdirAll(filepath.Join(home, "bottle"), 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(home, "bottle", "config.yaml"), []byte(text), 0o600)
}

// installDouble makes a folder with a smolvm in bin, which is the double, an image in
// root, and the double's data.
func installDouble(temp string, secrets []string) (dir, data string, err error) {
	dir = filepath.Join(temp, "v")
	data = filepath.Join(dir, "d")
	self, err := os.Executable()
	if err == nil {
		err = double.Set(data, double.Settings{Secrets: secrets})
	}
	if err == nil {
		err = os.Chmod(temp, 0o755) // for the user of root's sandboxes
	}
	for _, d := range []string{"bin", "root/bin"} {
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, d), 0o755)
		}
	}
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "bin", "smolvm"))
	}
	return dir, data, err
}
