package bottle

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/workspace"
)

// lookBehind finds what a copy of the workspace leaves behind.
func (p *Prepared) lookBehind(ctx context.Context) error {
	m := p.Manifest
	if m.WorkspaceMode != manifest.WorkspaceCopy {
		return nil
	}
	var err error
	p.behind, err = workspace.StaysBehind(ctx, workspace.Options{Source: m.Workspace, Excludes: workspace.ExcludesFile(os.Getenv)})
	if err != nil {
		return fmt.Errorf("look at the workspace %s: %w", m.Workspace, err)
	}
	// What a mount shows in its place is there.
	n := len(p.behind.Items)
	p.behind.Items = slices.DeleteFunc(p.behind.Items, func(name string) bool {
		at := filepath.Join(m.Workspace, filepath.FromSlash(name))
		return slices.ContainsFunc(m.Mounts, func(mt manifest.Mount) bool { return inHome(mt.At) == at })
	})
	p.behind.Total -= n - len(p.behind.Items)
	return nil
}

// copied reports whether the copy of the workspace will have a file.
func (p *Prepared) copied(file string) bool {
	rel, in := inside(file, p.Manifest.Workspace)
	if info, err := os.Stat(file); !in || err != nil || !info.Mode().IsRegular() {
		return false
	}
	return !p.behind.Has(filepath.ToSlash(rel))
}

// maxBehind is how many of the paths that stay behind are named.
const maxBehind = 8

// dependencies are folders that hold what a package manager has installed.
var dependencies = []string{"node_modules", ".venv", "venv", "vendor", "target", ".tox", ".yarn", ".pnpm-store", "bower_components", "Pods", "deps"}

// Behind puts into lines, which are not escaped, what of the workspace git
// ignores and a copy so leaves behind; none for nothing.
func (p *Prepared) Behind() (lines []string) {
	b := &p.behind
	installed := ""
	for i, name := range b.Items {
		if i < maxBehind {
			lines = append(lines, name)
		}
		folder, isDir := strings.CutSuffix(name, "/")
		for _, d := range dependencies {
			if isDir && installed == "" && path.Base(folder) == d {
				installed = folder
			}
		}
	}
	if more := b.Total - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	if b.Part {
		lines = append(lines, "and perhaps more: the workspace is large, and only a part of it was looked at")
	}
	if installed != "" {
		lines = append(lines, fmt.Sprintf("(%s holds installed packages: mount it, or give the agent a route to its registry; see Dependencies in docs/manifest.md)", installed))
	}
	return lines
}
