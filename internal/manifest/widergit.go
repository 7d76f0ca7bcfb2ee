package manifest

import (
	"reflect"
	"slices"

	"github.com/bot-bottle/bottle/internal/escape"
)

// git compares what is given of repositories. Whatever is said otherwise of one is
// wider, unless it can only be read now.
func (w *widening) git() {
	for i := range w.new.Git {
		is := &w.new.Git[i]
		was := w.old.gitHost(is.Name)
		if was != nil && (!reflect.DeepEqual(was.URL, is.URL) || was.Auth != is.Auth) {
			w.say("the git host %s is reached otherwise", escape.Host(is.Name))
		}
		for j := range is.Repos {
			if r := &is.Repos[j]; was == nil || !was.gives(r) {
				w.say("%s", escape.Text(is.line(r)))
			}
		}
	}
}

// gives reports whether all that r allows was allowed.
func (h *GitHost) gives(r *GitRepo) bool {
	was := h.repo(r.Path)
	return was != nil && (r.Access == GitRead || reflect.DeepEqual(was, r))
}

func (h *GitHost) repo(path string) *GitRepo {
	i := slices.IndexFunc(h.Repos, func(r GitRepo) bool { return r.Path == path })
	if i < 0 {
		return nil
	}
	return &h.Repos[i]
}

// GitRepo returns what is said of a repository, or nil.
func (m *Manifest) GitRepo(host, path string) *GitRepo {
	if h := m.gitHost(host); h != nil {
		return h.repo(path)
	}
	return nil
}

func (m *Manifest) gitHost(name string) *GitHost {
	i := slices.IndexFunc(m.Git, func(h GitHost) bool { return h.Name == name })
	if i < 0 {
		return nil
	}
	return &m.Git[i]
}

func (m *Manifest) gitHosts() (names []string) {
	for i := range m.Git {
		names = append(names, m.Git[i].Name)
	}
	return names
}

// narrowedGit is what of the old repositories the new manifest still gives in some
// way: those that it only lets be read can only be read.
func narrowedGit(old, new *Manifest) (hosts []GitHost) {
	for _, h := range old.Git {
		is := new.gitHost(h.Name)
		if is == nil {
			continue
		}
		var repos []GitRepo
		for _, r := range h.Repos {
			switch now := is.repo(r.Path); {
			case now == nil:
			case now.Access == GitRead:
				repos = append(repos, *now)
			default:
				repos = append(repos, r)
			}
		}
		h.Repos = repos
		hosts = append(hosts, h)
	}
	return hosts
}
