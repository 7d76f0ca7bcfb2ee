package bottle

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/vm"
)

func TestPrepareRefusesMountsOfGitFolders(t *testing.T) {
	for _, tt := range []struct{ name, mount, err string }{
		{"a git folder", "{path: ./repo/.git, at: /data, mode: rw}", "would let the agent write a git folder"},
		{"a folder in one", "{path: ./repo/.git/hooks, at: /data, mode: rw}", "would let the agent write a git folder"},
		{"its config", "{path: ./repo/.git/config, at: /data, mode: rw}", "would let the agent write a git folder"},
		{"a bare repository", "{path: ./bare, at: /data, mode: rw}", "would let the agent write a git folder"},
		{"a link to one", "{path: ./link, at: /data, mode: rw}", "would let the agent write a git folder"},
		{"a .git that is a link", "{path: ./linked, at: /data, mode: rw}", "symbolic link"},
		{"one that is read-only", "{path: ./repo/.git, at: /data}", ""},
		{"a work tree", "{path: ./repo, at: /data, mode: rw}", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := gitProject(t)
			_, err := Prepare(t.Context(), p.options(p.trusted("mounts: ["+tt.mount+"]\n"), &fakeBackend{}))
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
		})
	}
}

// gitProject has what looks like repositories, as far as git goes by names.
func gitProject(t *testing.T) *project {
	p := newProject(t)
	p.mkdirs("repo/.git/hooks", "repo/sub", "bare/objects", "bare/refs", "linked", "plain")
	p.write("repo/.git/config", "[core]\n", 0o600)
	p.write("repo/sub/.git", "gitdir: ../.git/modules/sub\n", 0o600)
	p.write("bare/HEAD", "ref: refs/heads/main\n", 0o600)
	for link, to := range map[string]string{"link": "repo/.git", "linked/.git": "../repo/.git"} {
		if err := os.Symlink(to, p.path(link)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func TestGitFoldersOfWritableMountsAreKept(t *testing.T) {
	p := gitProject(t)
	p.write("work/file", "", 0o600)
	backend := &fakeBackend{}
	var log bytes.Buffer
	launch := func() *Bottle {
		p.write("bottle.yaml", "version: 1\nworkspace: {path: ./work, mode: mount}\nmounts: [{path: ./repo, at: /repo, mode: rw}, {path: ./plain, at: ~/plain, mode: rw}, {path: ./bare, at: /bare}]\n", 0o600)
		m, err := p.read()
		if err == nil {
			err = p.trust.Trust(m)
		}
		if err != nil {
			t.Fatal(err)
		}
		o := p.options(m, backend)
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		prepared, err := Prepare(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		b, err := prepared.Launch(context.WithoutCancel(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := launch()
	for _, want := range []vm.Mount{
		{Source: p.path("repo/.git"), Target: "/repo/.git", ReadOnly: true, Shared: true},
		{Source: p.path("plain/.git"), Target: home + "/plain/.git", ReadOnly: true, Shared: true},
		{Source: filepath.Join(b.Dir(), workspaceDir), Target: p.path("work/.git")},
	} {
		if !slices.Contains(backend.made.spec.Mounts, want) {
			t.Errorf("%+v is not among %+v", want, backend.made.spec.Mounts)
		}
	}
	other := launch()

	// What the agent can do all the same.
	p.mkdirs("work/new/.git", "plain/deep/er/.git", "work/naked/objects", "work/naked/refs", "repo/moved")
	p.write("work/new/.git/config", "[core]\nfsmonitor = evil\n", 0o600)
	p.write("plain/deep/er/.git/config", "[core]\nfsmonitor = evil\n", 0o600)
	p.write("work/naked/HEAD", "ref: refs/heads/main\n", 0o600)
	p.mkdirs("work/borrows")
	p.write("work/borrows/HEAD", "ref: refs/heads/main\n", 0o600)
	p.write("work/borrows/commondir", "../assets\n", 0o600)
	if err := os.Rename(p.path("repo/sub/.git"), p.path("repo/moved/.git")); err != nil {
		t.Fatal(err)
	}
	p.write("repo/sub/.git", "gitdir: ../moved/evil\n", 0o600)

	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"work/new/.git", "plain/deep/er/.git", "work/naked", "work/borrows", "repo/moved/.git", "repo/sub/.git"} {
		if !strings.Contains(log.String(), "path="+p.path(name)+" why=") {
			t.Errorf("%s is not told of:\n%s", name, &log)
		}
	}
	if _, err := os.Lstat(p.path("work/.git")); err != nil {
		t.Errorf("what another bottle needs is gone: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"work/.git", "plain/.git"} {
		if _, err := os.Lstat(p.path(name)); err == nil {
			t.Errorf("%s stays behind", name)
		}
	}
	if _, err := os.Lstat(p.path("repo/.git/config")); err != nil {
		t.Error(err)
	}
}
