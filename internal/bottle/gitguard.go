package bottle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/workspace"
	"github.com/bot-bottle/bottle/vm"
)

// The config of a git folder names programs that git runs, at a mere "git
// status" too. So in folders of the host that the agent writes, those that are
// there are shown read-only, and where one could be made beside the files of a
// mount, an empty one is. Deeper down one can still be made, or a folder with one
// replaced: these are among what Quarantine lists when the bottle has ended.

// madeFile lists the empty folders that were made to be mounted over.
const madeFile = "made"

// gitGuard is what a bottle does about git folders of the host.
type gitGuard struct {
	mounts []vm.Mount
	made   []string
}

// checkGit refuses writable mounts that are a git folder, or lie in one, or
// whose .git cannot be kept from the agent.
func checkGit(m *manifest.Manifest) error {
	for _, f := range m.Mounts {
		if !f.Writable {
			continue
		}
		for _, name := range trail(f.Path) {
			if slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return strings.EqualFold(part, ".git") }) || workspace.IsRepository(name) {
				return fmt.Errorf("the mount of %s would let the agent write a git folder, whose config names programs that git runs on this host: mount it read-only, or mount the folder of the project", f.Path)
			}
		}
		git := filepath.Join(f.Path, ".git")
		if info, err := os.Lstat(git); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("the mount of %s has a .git that is a symbolic link, which the agent could turn elsewhere: mount it read-only, or make a linked worktree with git worktree add", f.Path)
		}
	}
	return nil
}

// isGit reports whether there is a .git at a path: the empty folder that makeGit
// makes is none.
func isGit(git string) bool {
	info, err := os.Lstat(git)
	if err != nil || !info.IsDir() {
		return err == nil
	}
	entries, err := os.ReadDir(git)
	return err != nil || len(entries) > 0
}

// guardGit prepares what the machine shows in place of git folders.
func (b *Bottle) guardGit(ctx context.Context, nested []string) error {
	m := b.prepared.Manifest
	before := map[string]map[string]string{}
	for _, f := range hostFolders(m) {
		if info, err := os.Stat(f.Path); err != nil || !f.Writable || !info.IsDir() {
			continue
		}
		found, _, err := workspace.FindGit(ctx, f.Path)
		if err != nil {
			return fmt.Errorf("look for git folders in %s: %w", f.Path, err)
		}
		before[f.Path] = found
	}
	if err := guard(ctx, b.dir, before); err != nil {
		return err
	}
	for _, name := range nested {
		git := filepath.Join(m.Workspace, filepath.FromSlash(name))
		if info, err := os.Lstat(git); err == nil && (info.IsDir() || info.Mode().IsRegular()) {
			b.git.mounts = append(b.git.mounts, vm.Mount{Source: git, ReadOnly: true, Shared: true})
		}
	}
	for _, f := range m.Mounts {
		if before[f.Path] == nil {
			continue
		}
		target := filepath.Join(inHome(f.At), ".git")
		if slices.ContainsFunc(m.Mounts, func(o manifest.Mount) bool { return inHome(o.At) == target }) {
			continue // that one holds there
		}
		git := filepath.Join(real(f.Path), ".git")
		if err := b.makeGit(git); err != nil {
			return err
		}
		b.git.mounts = append(b.git.mounts, vm.Mount{Source: git, Target: target, ReadOnly: true, Shared: true})
	}
	return nil
}

// makeGit makes an empty folder where there is no .git. Git does not take it for
// one; it goes again when the bottle ends, or with "bottle down".
func (b *Bottle) makeGit(git string) error {
	err := os.Mkdir(git, 0o755)
	if errors.Is(err, fs.ErrExist) && isGit(git) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keep the agent from making a git folder in a mount that it writes: %w", err)
	}
	b.git.made = append(b.git.made, git)
	text, err := json.Marshal(b.git.made)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.dir, madeFile), text, 0o600)
}

// unmake removes the folders that makeGit made for the bottle whose state is in
// dir. One that has something in it by now is somebody's, and one that another
// bottle needs stays: removed here, it would be gone from over there.
func unmake(dir string) {
	made := madeBy(dir)
	_ = os.Remove(filepath.Join(dir, madeFile))
	if len(made) == 0 {
		return
	}
	var needed []string
	entries, _ := os.ReadDir(filepath.Dir(dir))
	for _, e := range entries {
		needed = append(needed, madeBy(filepath.Join(filepath.Dir(dir), e.Name()))...)
	}
	for _, git := range made {
		if !slices.Contains(needed, git) {
			_ = os.Remove(git)
		}
	}
}

func madeBy(dir string) (made []string) {
	if text, err := os.ReadFile(filepath.Join(dir, madeFile)); err == nil {
		_ = json.Unmarshal(text, &made)
	}
	return made
}

// maxToldGit is how many files and git folders the person is told of by name.
const maxToldGit = 20

// tellGit says what of the folders of the host programs there run by themselves, and is
// new or another than before the bottle ran.
func (b *Bottle) tellGit(ctx context.Context) {
	found, problems, err := Quarantine(ctx, b.dir)
	if err != nil {
		problems = append(problems, err.Error())
	}
	for i, s := range found {
		if i == maxToldGit {
			b.log.Warn("more such files and git folders are new or another: bottle pull lists all", "more", len(found)-i)
			break
		}
		b.log.Warn("a file or git folder that programs of this host run by themselves is new or another than before the bottle ran, so look at it before you work there", "path", s.Path, "why", s.Why)
	}
	for _, p := range problems {
		b.log.Warn("whether the agent left what programs of this host run by themselves cannot be told", "why", p)
	}
}
