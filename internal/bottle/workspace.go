package bottle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/workspace"
	"github.com/bot-bottle/bottle/vm"
)

// gitFile stands in mount mode for a .git that is a file, and gitTarget is where
// it leads inside.
const gitFile, gitTarget = "gitfile", "/run/bottle-git"

// mountedFile marks the state of a bottle whose workspace was mounted: what is
// kept of it is a git folder only.
const mountedFile = "mounted"

// copyWorkspace makes the copy that the agent works on, or in mount mode the
// .git that it gets over the real one.
func (b *Bottle) copyWorkspace(ctx context.Context, cred *credentials) error {
	p, m := b.prepared, b.prepared.Manifest
	scan, err := knownScanner(ctx, cred)
	if err != nil {
		return err
	}
	private, err := privateFolders(p.opt.Env)
	if err != nil {
		return err
	}
	var exclude []string
	for _, dir := range private {
		exclude = append(exclude, dir.path)
	}
	opt := workspace.Options{
		Source: m.Workspace, Target: filepath.Join(b.dir, workspaceDir), Base: filepath.Join(b.dir, baseFile),
		Exclude: exclude, Excludes: workspace.ExcludesFile(os.Getenv), UID: b.owner.uid, GID: b.owner.gid,
		User: workspace.Identity(gitUser(m)), Scan: scan,
		Progress: func(files, bytes int64) {
			p.opt.Progress(fmt.Sprintf("copying the workspace: %d files, %s", files, size(bytes)))
		},
	}
	if m.WorkspaceMode == manifest.WorkspaceMount {
		return b.mountWorkspace(ctx, opt)
	}
	if p.again != nil {
		return b.guardGit(ctx, nil)
	}
	report, err := workspace.Copy(ctx, opt)
	if err != nil {
		return fmt.Errorf("copy the workspace %s: %w", m.Workspace, err)
	}
	b.say(report)
	return b.guardGit(ctx, nil)
}

// mountWorkspace makes the .git that the agent gets in mount mode, over the real
// one or where there is none.
func (b *Bottle) mountWorkspace(ctx context.Context, opt workspace.Options) error {
	prepare := workspace.PrepareGit
	if b.prepared.again != nil {
		prepare = lookAgain
	}
	git, err := prepare(ctx, opt)
	if err != nil {
		return fmt.Errorf("prepare a private .git for %s: %w", opt.Source, err)
	}
	for _, path := range git.Exposed.Items {
		b.log.Warn("a nested repository is the host's own, with whatever its config holds; the agent sees it read-only", "path", path)
	}
	if more := git.Nested.Total - len(git.Nested.Items); more > 0 {
		b.log.Warn("more nested repositories than are kept from being written", "more", more)
	}
	if err := os.WriteFile(filepath.Join(b.dir, mountedFile), nil, 0o600); err != nil {
		return err
	}
	if git.None {
		if err := b.makeGit(filepath.Join(opt.Source, ".git")); err != nil {
			return err
		}
	}
	if b.gitFile = git.File; git.File {
		if err := os.WriteFile(filepath.Join(b.dir, gitFile), []byte("gitdir: "+gitTarget+"\n"), 0o644); err != nil {
			return err
		}
	}
	return b.guardGit(ctx, git.Nested.Items)
}

// say tells the operator what is in the copy that they may not want there, and
// what is not.
func (b *Bottle) say(r workspace.Report) {
	m := b.prepared.Manifest
	if r.Enclosing != "" {
		b.log.Warn("the workspace is a folder inside a repository: its history was not copied; what its rules ignore was not either", "repository", r.Enclosing)
	}
	for _, s := range r.Secrets.Items {
		if s.Commit != "" {
			b.log.Warn("the history of the workspace holds the value of a secret, and the agent can read it: change the secret, or take the commit out of the history", "file", s.Path, "commit", s.Commit, "line", s.Line, "secret", s.Name)
			continue
		}
		text := "a file of the workspace holds the value of a secret, and the agent can read it: take it out, or ignore the file in git"
		if m.Project != nil && filepath.Join(m.Workspace, filepath.FromSlash(s.Path)) == m.Project.Path {
			text = "the manifest itself has the text that is the value of a secret, and the agent can read it: let the secret come from a variable, a file or a command that does not name it"
		}
		b.log.Warn(text, "file", s.Path, "line", s.Line, "secret", s.Name)
	}
	if n := r.Secrets.Total - len(r.Secrets.Items); n > 0 {
		b.log.Warn("more files of the workspace hold values of secrets", "more", n)
	}
	for _, s := range r.Kept.Items {
		b.log.Warn("all objects of a repository are in the bottle, also those of commits that were amended, rebased or reset away", "repository", s.Path, "why", s.Reason)
	}
	if r.Unsearched > 0 {
		b.log.Info("not all files of the history were searched for values of secrets", "not searched", r.Unsearched)
	}
	for _, s := range r.Skipped.Items {
		b.log.Info("not copied", "file", s.Path, "why", s.Reason)
	}
}

// workspaceMounts show the workspace at its own path.
func (b *Bottle) workspaceMounts() []vm.Mount {
	m := b.prepared.Manifest
	if m.WorkspaceMode != manifest.WorkspaceMount {
		return []vm.Mount{{Source: filepath.Join(b.dir, workspaceDir), Target: m.Workspace}}
	}
	mounts := []vm.Mount{{Source: m.Workspace, Shared: true}}
	git, private := filepath.Join(m.Workspace, ".git"), filepath.Join(b.dir, workspaceDir)
	if b.gitFile {
		mounts = append(mounts, vm.Mount{Source: private, Target: gitTarget},
			vm.Mount{Source: filepath.Join(b.dir, gitFile), Target: git, ReadOnly: true})
	} else {
		mounts = append(mounts, vm.Mount{Source: private, Target: git})
	}
	return mounts
}

// StartDir returns where in a bottle a person who is in dir on the host is: the
// same folder of the workspace, or "" for one that is not in it.
func StartDir(workspace, dir string) string {
	rel, in := inside(real(dir), workspace)
	if !in {
		return ""
	}
	return filepath.Join(workspace, rel)
}

// hasFolder reports whether a folder of the workspace is there inside. Where the
// agent put a link is not looked at: it may lead anywhere.
func (b *Bottle) hasFolder(path string) bool {
	m := b.prepared.Manifest
	rel, err := filepath.Rel(m.Workspace, path)
	if err != nil {
		return false
	}
	at := filepath.Join(b.dir, workspaceDir)
	if m.WorkspaceMode == manifest.WorkspaceMount {
		at = m.Workspace
	}
	for part := range strings.SplitSeq(rel, string(filepath.Separator)) {
		at = filepath.Join(at, part)
		if info, err := os.Lstat(at); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// knownScanner returns what looks for the values of secrets in copied files.
func knownScanner(ctx context.Context, cred *credentials) (func() workspace.FileScanner, error) {
	known := append([]dlp.Known(nil), cred.known...)
	for _, s := range cred.secrets {
		value, err := s.Value(ctx)
		if err != nil {
			return nil, fmt.Errorf("secret %s: %w", s.Name, err)
		}
		known = append(known, dlp.Known{Name: s.Name, Value: value, Kind: dlp.KnownSecret})
	}
	if len(known) == 0 {
		return nil, nil
	}
	engine, err := dlp.New(dlp.Options{Known: known})
	if err != nil {
		return nil, err
	}
	return func() workspace.FileScanner { return &fileScanner{engine.NewScanner()} }, nil
}

// fileScanner reports known values only: what else looks like a secret is the
// project's business until it leaves.
type fileScanner struct{ sc *dlp.Scanner }

func (f *fileScanner) Reset()                           { f.sc.Reset() }
func (f *fileScanner) Write(p []byte) []workspace.Match { return matches(f.sc.Write(p)) }
func (f *fileScanner) Close() []workspace.Match         { return matches(f.sc.Close()) }

func matches(findings []dlp.Finding) (out []workspace.Match) {
	for _, f := range findings {
		if f.Kind == dlp.KindKnown {
			out = append(out, workspace.Match{Rule: f.Rule, Name: f.Name, Offset: f.Offset})
		}
	}
	return out
}

// RemoveFiles removes what the agent could write of a bottle that has ended,
// which os.RemoveAll does not always manage. Not while another takes them over, who
// would see files that the agent deleted: that is ErrPulling.
func RemoveFiles(ctx context.Context, dir string) error {
	unlock, err := lockPull(dir)
	switch {
	case err == nil:
		defer unlock()
	case !errors.Is(err, fs.ErrNotExist): // for then there is nothing
		return err
	}
	unmake(dir)
	for _, name := range []string{workspaceDir, homeDir} {
		if err := workspace.Remove(ctx, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
