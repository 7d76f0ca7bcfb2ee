package bottle

import (
	"fmt"
	"os"
	osuser "os/user"
	"path/filepath"

	"github.com/bot-bottle/bottle/internal/manifest"
)

// systemFolders hold what belongs to the system or to many, and no project: each
// itself, not what lies below it.
var systemFolders = []string{
	"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys",
	"/tmp", "/usr", "/usr/local", "/var", "/var/lib", "/var/tmp",
	"/Applications", "/Library", "/System", "/Users", "/Volumes", "/private", "/private/tmp", "/private/var",
}

// checkWorkspace refuses a workspace that is no project: the agent would get all
// there is in a home, keys and other projects with it, or a folder that others
// use too. Mostly nobody meant it: bottle was run in the wrong folder.
func checkWorkspace(m *manifest.Manifest) error {
	what := notAProject(m.Workspace)
	if what == "" {
		return nil
	}
	gets := "all of it would be copied into the bottle for the agent to read"
	if m.WorkspaceMode == manifest.WorkspaceMount {
		gets = "the agent could read and change all of it"
	}
	return fmt.Errorf("the workspace would be %s, %s: %s. Run bottle in the folder of one project, where a bottle.yaml can say more, or name that folder in the manifest: workspace: {path: ./PROJECT}", m.Workspace, what, gets)
}

// notAProject says what a folder is instead, by whatever name it is called; ""
// when it can be a project's.
func notAProject(folder string) string {
	for _, home := range homes() {
		if rel, in := inside(home, folder); in && rel == "." {
			return "which is your home"
		} else if in {
			return "which your home " + home + " lies in"
		}
	}
	for _, dir := range append(systemFolders, os.TempDir()) {
		if rel, in := inside(real(dir), folder); in && rel == "." {
			return "which is a folder of the system"
		}
	}
	return ""
}

// homes are those of this user: HOME can be set to anything, sudo leaves it.
func homes() (list []string) {
	list = append(list, os.Getenv("HOME"))
	if u, err := osuser.Current(); err == nil {
		list = append(list, u.HomeDir)
	}
	out := list[:0]
	for _, h := range list {
		// A user of the system may have / for a home, which says nothing.
		if filepath.IsAbs(h) && filepath.Clean(h) != "/" {
			out = append(out, real(h))
		}
	}
	return out
}
