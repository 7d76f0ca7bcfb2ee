package bottle

import (
	"os"
	osuser "os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/manifest"
)

// TestPrepareRefusesAWorkspaceThatIsNoProject: the home lies below the folder
// for temporary files here, which must not count.
func TestPrepareRefusesAWorkspaceThatIsNoProject(t *testing.T) {
	for _, c := range []struct{ name, path, err string }{
		{"a project beside the home", "./work", ""},
		{"a project in the home", "./users/me/project", ""},
		{"the home", "./users/me", "which is your home"},
		{"the home, by a link", "./link", "which is your home"},
		{"what a home lies in", "./users", "which your home "},
		{"what a home lies in, by a link", "./up", "which your home "},
		{"the root", "/", "which your home "},
		{"the folder for temporary files", os.TempDir(), "which your home "},
		{"a folder of the system", "/etc", "which is a folder of the system"},
		{"one that is written oddly", "/etc/../usr/./local/", "which is a folder of the system"},
		{"a folder of the system, by a link", "./etc", "which is a folder of the system"},
	} {
		for _, mode := range []string{manifest.WorkspaceCopy, manifest.WorkspaceMount} {
			t.Run(c.name+", "+mode, func(t *testing.T) {
				p := newProject(t)
				p.mkdirs("users/me/project")
				for link, to := range map[string]string{"link": p.path("users/me"), "up": p.path("users"), "etc": "/etc"} {
					if err := os.Symlink(to, p.path(link)); err != nil {
						t.Fatal(err)
					}
				}
				t.Setenv("HOME", p.path("users/me"))
				p.write("bottle.yaml", "version: 1\nworkspace: {path: "+c.path+", mode: "+mode+"}\n", 0o600)
				m, err := p.read()
				if err == nil {
					err = p.trust.Trust(m)
				}
				if err != nil {
					t.Fatal(err)
				}
				_, err = Prepare(t.Context(), p.options(m, &fakeBackend{}))
				if c.err == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), "workspace: {path: ") {
					t.Errorf("got %v, want %q and what to do", err, c.err)
				}
			})
		}
	}
}

// TestHomeIsNotOnlyTheVariable: sudo and tests set HOME to another folder.
func TestHomeIsNotOnlyTheVariable(t *testing.T) {
	u, err := osuser.Current()
	if err != nil || filepath.Clean(u.HomeDir) == "/" {
		t.Skip("this user has no home")
	}
	t.Setenv("HOME", t.TempDir())
	if what := notAProject(u.HomeDir); what != "which is your home" {
		t.Errorf("%s is %q", u.HomeDir, what)
	}
}
