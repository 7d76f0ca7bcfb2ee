package bottle

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/vm"
)

// mkdirs makes folders of the project.
func (p *project) mkdirs(names ...string) {
	p.t.Helper()
	for _, name := range names {
		if err := os.MkdirAll(p.path(name), 0o700); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *project) link(to, name string) {
	p.t.Helper()
	if err := os.Symlink(to, p.path(name)); err != nil {
		p.t.Fatal(err)
	}
}

// trustedAs is trusted for a manifest whose workspace is its own business.
func (p *project) trustedAs(name, text string) *manifest.Manifest {
	p.t.Helper()
	p.write(name, "version: 1\n"+text, 0o600)
	m, err := manifest.Load(manifest.Options{File: p.path(name), Dir: p.dir, Environ: []string{"HOME=" + p.dir}})
	if err == nil {
		err = p.trust.Trust(m)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

// prepareWith prepares a manifest whose user file is in the .config of the
// project, where project.env has it too.
func prepareWith(t *testing.T, setUp func(*project), text string) (*Prepared, error) {
	t.Helper()
	p := newProject(t)
	p.mkdirs("repo", "bottle/x-1", ".state/bottle/bottles")
	setUp(p)
	m := p.trustedAs("repo/"+manifest.FileName, text)
	return Prepare(t.Context(), p.options(m, &fakeBackend{}))
}

func TestPrepareRefusesMountsOfWhatIsBottles(t *testing.T) {
	const own = "would show the agent"
	withUser := func(p *project) {
		p.mkdirs(".config/bottle")
		p.write(".config/bottle/config.yaml", "version: 1\n", 0o600)
	}
	for _, c := range []struct {
		name  string
		setUp func(*project)
		text  string
		err   string
	}{
		{"a workspace beside them", withUser, "workspace: {path: ../work, mode: mount}\n", ""},
		{"a copy of a workspace with them", withUser, "workspace: {path: ..}\n", ""},
		{"a workspace with them", withUser, "workspace: {path: .., mode: mount}\n", own},
		{"a writable mount with them", withUser, "workspace: {path: ../work}\nmounts: [{path: .., at: /data, mode: rw}]\n", own},
		{"a read-only mount with them", withUser, "workspace: {path: ../work}\nmounts: [{path: .., at: /data}]\n", own},
		{"a mount of the state folder itself", withUser, "workspace: {path: ../work}\nmounts: [{path: ../.state/bottle, at: /data}]\n", "/.state/bottle (the state of bottle)"},
		{"a mount in the state folder", withUser, "workspace: {path: ../work}\nmounts: [{path: ../.state/bottle/bottles, at: /data}]\n", "the state of bottle"},
		{"a mount above the state folder", withUser, "workspace: {path: ../work}\nmounts: [{path: ../.state, at: /data}]\n", "the state of bottle"},
		{"a mount of the configuration", withUser, "workspace: {path: ../work}\nmounts: [{path: ../.config, at: /data}]\n", "the configuration of bottle"},
		{"a mount of the user's manifest alone", withUser, "workspace: {path: ../work}\nmounts: [{path: ../.config/bottle/config.yaml, at: /data}]\n", "the configuration of bottle"},
		{"a mount of where the configuration would be", func(p *project) { p.mkdirs(".config") }, "workspace: {path: ../work}\nmounts: [{path: ../.config, at: /data}]\n", "the configuration of bottle"},
		{"a mount of a control socket's folder", withUser, "workspace: {path: ../work}\nmounts: [{path: ../bottle/x-1, at: /data}]\n", "the control sockets of bottle"},
		{"a mount by way of a link", func(p *project) { p.link(".", "here") }, "workspace: {path: ../work}\nmounts: [{path: ../here, at: /data}]\n", own},
		{"a mount of where a link on the way leads", func(p *project) {
			p.mkdirs("dotfiles/bottle")
			p.link("dotfiles", ".config")
		}, "workspace: {path: ../work}\nmounts: [{path: ../dotfiles, at: /data}]\n", "the configuration of bottle"},
		{"a mount with a link that is on the way", func(p *project) {
			p.mkdirs("dotfiles/bottle", "links")
			p.link("../dotfiles", "links/config")
			p.link("links/config", ".config")
		}, "workspace: {path: ../work}\nmounts: [{path: ../links, at: /data, mode: rw}]\n", "the configuration of bottle"},
		{"a neighbour whose name begins the same", func(p *project) { p.mkdirs(".state/bottled") }, "workspace: {path: ../work}\nmounts: [{path: ../.state/bottled, at: /data, mode: rw}]\n", ""},
		{"a writable mount with the user's manifest", func(p *project) {
			p.mkdirs(".config/bottle", "dotfiles")
			p.write("dotfiles/bottle.yaml", "version: 1\n", 0o600)
			p.link("../../dotfiles/bottle.yaml", ".config/bottle/config.yaml")
		}, "workspace: {path: ../work}\nmounts: [{path: ../dotfiles, at: /data, mode: rw}]\n", "could change your configuration"},
		{"a read-only mount with the user's manifest", func(p *project) {
			p.mkdirs(".config/bottle", "dotfiles")
			p.write("dotfiles/bottle.yaml", "version: 1\n", 0o600)
			p.link("../../dotfiles/bottle.yaml", ".config/bottle/config.yaml")
		}, "workspace: {path: ../work}\nmounts: [{path: ../dotfiles, at: /data}]\n", ""},
		{"the manifest itself, writable", withUser, "workspace: {path: ../work}\nmounts: [{path: ./bottle.yaml, at: /data, mode: rw}]\n", "could change the manifest"},
		{"the manifest itself, read-only", withUser, "workspace: {path: ../work}\nmounts: [{path: ./bottle.yaml, at: /data}]\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := prepareWith(t, c.setUp, c.text)
			switch {
			case c.err == "" && err != nil:
				t.Error(err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
}

func TestTheCopyLeavesOutWhatIsBottles(t *testing.T) {
	p := newProject(t)
	p.mkdirs("repo", ".config/bottle", ".config/other")
	p.write(".config/bottle/config.yaml", "version: 1\n", 0o600)
	p.write(".config/other/file", "x", 0o600)
	b, err := p.launch(p.trustedAs("repo/"+manifest.FileName, "workspace: {path: ..}\n"), &fakeBackend{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	there := func(name string) bool {
		_, err := os.Lstat(filepath.Join(b.Dir(), workspaceDir, name))
		return err == nil
	}
	for name, want := range map[string]bool{".config/other/file": true, ".config/bottle": false, ".state/bottle": false, "bottle": false} {
		if there(name) != want {
			t.Errorf("%s is in the copy: %t", name, !want)
		}
	}
}

func TestTheManifestIsReadOnlyWhereverItCouldBeWritten(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // targets, with repo for the manifest's folder
	}{
		{"a copy", "workspace: {path: .}\n", nil},
		{"a mounted workspace", "workspace: {path: ., mode: mount}\n", []string{"repo/bottle.yaml"}},
		{"a mounted workspace elsewhere", "workspace: {path: ../work, mode: mount}\n", nil},
		{"a copy and a writable mount", "workspace: {path: ../work}\nmounts: [{path: ., at: /data, mode: rw}]\n", []string{"/data/bottle.yaml"}},
		{"a read-only mount", "workspace: {path: ../work}\nmounts: [{path: ., at: /data}]\n", nil},
		{"a mount in the agent's home", "workspace: {path: ../work}\nmounts: [{path: ., at: ~/data, mode: rw}]\n", []string{home + "/data/bottle.yaml"}},
		{"a mount by way of a link", "workspace: {path: ../work}\nmounts: [{path: ../link, at: /data, mode: rw}]\n", []string{"/data/bottle.yaml"}},
		{"two ways to it", "workspace: {path: ., mode: mount}\nmounts: [{path: ., at: /data, mode: rw}]\n", []string{"repo/bottle.yaml", "/data/bottle.yaml"}},
		{"a mount that is itself under another", "workspace: {path: ../work}\nmounts: [{path: .., at: /data, mode: rw}, {path: ../work, at: /data/repo}]\n", nil},
		{"a mount with the copy over it", "workspace: {path: .}\nmounts: [{path: .., mode: rw}]\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t)
			p.mkdirs("repo")
			p.link("repo", "link")
			m := p.trustedAs("repo/"+manifest.FileName, c.text)
			var got []string
			for _, mt := range manifestMounts(m) {
				if mt.Source != p.path("repo/bottle.yaml") || !mt.ReadOnly || !mt.Shared {
					t.Errorf("%+v", mt)
				}
				got = append(got, strings.TrimPrefix(mt.Target, p.dir+"/"))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSpecPutsTheManifestOverAWritableMount(t *testing.T) {
	p := newProject(t)
	p.mkdirs("repo")
	backend := &fakeBackend{}
	b, err := p.launch(p.trustedAs("repo/"+manifest.FileName, "workspace: {path: ../work}\nmounts: [{path: ., at: /data, mode: rw}]\n"), backend)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	want := vm.Mount{Source: p.path("repo/bottle.yaml"), Target: "/data/bottle.yaml", ReadOnly: true, Shared: true}
	if !slices.Contains(backend.made.spec.Mounts, want) {
		t.Errorf("mounts: %+v", backend.made.spec.Mounts)
	}
}

func socketAt(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
}

func TestPrepareWarnsOfSockets(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"a folder", "mounts: [{path: ../run, at: /data}]\n", []string{"run/a.sock", "run/deep/b.sock"}},
		{"a socket itself", "mounts: [{path: ../run/a.sock, at: /data/s}]\n", []string{"run/a.sock"}},
		{"a mounted workspace", "workspace: {path: ../run, mode: mount}\n", []string{"run/a.sock", "run/deep/b.sock"}},
		{"a copied workspace", "workspace: {path: ../run}\n", nil},
		{"a folder without any", "mounts: [{path: ../work, at: /data}]\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var dir string
			p, err := prepareWith(t, func(p *project) {
				dir = p.dir
				p.mkdirs("run/deep")
				socketAt(t, p.path("run/a.sock"))
				socketAt(t, p.path("run/deep/b.sock"))
			}, c.text)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range p.Warnings {
				if _, rest, ok := strings.Cut(w, "can talk to the socket "+dir+"/"); ok {
					path, _, _ := strings.Cut(rest, ",")
					got = append(got, path)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTheLookForSocketsIsBounded(t *testing.T) {
	p := newProject(t)
	p.mkdirs("run/a", "run/b")
	socketAt(t, p.path("run/a/1"))
	socketAt(t, p.path("run/a/2"))
	socketAt(t, p.path("run/b/3"))
	for _, c := range []struct{ entries, most, want int }{{100, 5, 3}, {100, 2, 2}, {4, 5, 2}, {2, 5, 0}, {100, 0, 0}} {
		if got := sockets(p.path("run"), c.entries, c.most); len(got) != c.want {
			t.Errorf("%d entries, %d at most: %q", c.entries, c.most, got)
		}
	}
}
