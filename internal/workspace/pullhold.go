package workspace

import (
	"os"
	"path/filepath"
	"strings"
)

// held is a file or folder of the host that is never written, and why.
type held struct {
	path string // folded
	as   string // as it is
	why  string
}

const (
	holdManifest = "it is the manifest, which says what the agent may do: compare the two, and change yours by hand"
	holdConfig   = "git on this host reads it as its config, which names programs: compare the two, and change yours by hand"
	holdHooks    = "git on this host runs it as a hook: compare the two, and change yours by hand"
)

// maxIncludes bounds the config files that are read for what they include.
const maxIncludes = 100

// hookNames are those of githooks(5): a project whose hooks are beside all else
// has no folder that could be held.
var hookNames = strings.Fields(`applypatch-msg pre-applypatch post-applypatch pre-commit pre-merge-commit
	prepare-commit-msg commit-msg post-commit pre-rebase post-checkout post-merge pre-push pre-receive update
	proc-receive post-receive post-update reference-transaction push-to-checkout pre-auto-gc post-rewrite
	sendemail-validate fsmonitor-watchman p4-changelist p4-prepare-changelist p4-post-changelist p4-pre-submit
	post-index-change`)

// holdFinder finds what the git of the host reads or runs in the host's folder.
type holdFinder struct {
	source string // without links
	home   string
	list   []held
	read   map[string]bool // config files
}

// hostGits finds what belongs to the repositories of the host.
func (p *puller) hostGits() error {
	if p.opts.Mounted { // no files are taken
		return nil
	}
	places, _, err := p.repos.gitPlaces(p.host.top)
	p.host.git = p.repos.gitIdents(places)
	p.findHolds(places)
	return err
}

func (p *puller) findHolds(places []gitPlace) {
	h := &holdFinder{source: p.repos.source, read: map[string]bool{}}
	for _, path := range p.opts.Hold {
		h.list = append(h.list, held{foldPath(path), path, holdManifest})
	}
	h.list = append(h.list, held{".husky", ".husky", holdHooks}) // whatever it sets core.hooksPath to later
	getenv := p.opts.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	h.home = getenv("HOME")
	for _, place := range places {
		top := filepath.Join(h.source, filepath.FromSlash(place.at))
		h.read = map[string]bool{} // the same file is about other folders in another repository
		for _, name := range userConfigs(getenv) {
			h.config(name, top)
		}
		h.config(filepath.Join(place.common, "config"), top)
		h.config(filepath.Join(place.git, "config.worktree"), top)
		h.links(filepath.Join(place.common, "hooks"))
	}
	p.holds = h.list
}

// config holds what a config file includes, whatever the condition, and its hooks.
func (h *holdFinder) config(name, top string) {
	if h.read[name] || len(h.read) == maxIncludes {
		return
	}
	h.read[name] = true
	data, err := readUserFile(name, maxGitConfig)
	if err != nil {
		return
	}
	cfg, err := parseConfig(data)
	if err != nil {
		return
	}
	paths := cfg.Section("include").Options.GetAll("path")
	for _, sub := range cfg.Section("includeIf").Subsections {
		paths = append(paths, sub.Options.GetAll("path")...)
	}
	for _, path := range paths {
		path = h.expand(path, filepath.Dir(name))
		h.add(path, holdConfig)
		h.config(path, top)
	}
	for _, path := range cfg.Section("core").Options.GetAll("hooksPath") {
		h.add(h.expand(path, top), holdHooks)
	}
}

// links holds what the hooks of a git folder are links to.
func (h *holdFinder) links(hooks string) {
	entries, _ := os.ReadDir(hooks)
	for _, e := range entries {
		if at := filepath.Join(hooks, e.Name()); e.Type()&os.ModeSymlink != 0 {
			if target, err := os.Readlink(at); err == nil {
				h.add(relativeTo(hooks, target), holdHooks)
			}
		}
	}
	h.add(hooks, holdHooks) // it may be a link itself
}

func (h *holdFinder) expand(path, from string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(h.home, rest)
	}
	return relativeTo(from, path)
}

// add holds a path and what it leads to.
func (h *holdFinder) add(path, why string) {
	paths := []string{path}
	if real, err := filepath.EvalSymlinks(path); err == nil && real != filepath.Clean(path) {
		paths = append(paths, real)
	}
	for _, path := range paths {
		rel, err := filepath.Rel(h.source, path)
		switch {
		case err != nil || !filepath.IsLocal(rel):
		case rel == "." && why == holdHooks:
			for _, name := range hookNames {
				h.list = append(h.list, held{name, name, why})
			}
		case rel != ".":
			h.list = append(h.list, held{foldPath(filepath.ToSlash(rel)), filepath.ToSlash(rel), why})
		}
	}
}

// heldBack says why a path is held, or nothing: it is one of them, below it, or
// would take the place of its folder.
func (p *puller) heldBack(path string) string {
	path = foldPath(path)
	for _, h := range p.holds {
		if path == h.path || strings.HasPrefix(path, h.path+"/") || strings.HasPrefix(h.path, path+"/") {
			return h.why
		}
	}
	return ""
}

// foldPath is what file systems do not tell apart of a path.
func foldPath(path string) string {
	segments := strings.Split(path, "/")
	for i, name := range segments {
		segments[i] = strings.ToLower(foldName(name))
	}
	return strings.Join(segments, "/")
}
