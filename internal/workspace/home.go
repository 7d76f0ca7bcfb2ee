package workspace

import (
	"context"
	"path"
	"slices"
	"strings"
)

// toolFolders are those of a home that tools keep what they fetched or built in;
// what begins with a dot is theirs as well (.cache, .npm, .config, .claude, …).
var toolFolders = []string{"go", "snap", "Library", "node_modules"}

// HomeWork returns the files of an agent's home that it may have written as its
// work: all but empty ones, those of tools and what is in folders that tools fill.
// A home that is not there has none.
func HomeWork(ctx context.Context, home string) (Work, error) {
	d, err := openDir(home)
	if err != nil {
		return Work{}, ignoreNotExist(err)
	}
	defer d.close()
	h := &homeWork{ctx: ctx}
	w := walk{ctx: ctx, v: h}
	err = w.tree(d, ".", 0, scope{})
	return h.work, err
}

// Add appends the changes of another.
func (w *Work) Add(o Work) {
	for _, c := range o.Changes.Items {
		w.Changes.add(c)
	}
	w.Changes.Total += o.Changes.Total - len(o.Changes.Items)
}

type homeWork struct {
	ctx  context.Context
	work Work
}

func isTools(rel string) bool {
	return !strings.Contains(rel, "/") && (strings.HasPrefix(rel, ".") || slices.Contains(toolFolders, rel))
}

func (h *homeWork) repository(*dir, string) (*rules, error) { return nil, nil }

func (h *homeWork) enter(_ *dir, rel, name string, _ stat) (bool, error) {
	made := slices.ContainsFunc(machineMade, func(p pattern) bool { return p.match([]string{name}, true, false) })
	return !made && !isTools(rel), nil
}

func (h *homeWork) leave(*dir, string, stat) error { return nil }

func (h *homeWork) entry(_ *dir, rel, _ string, st stat) error {
	// A mount of a file leaves an empty one behind it.
	if !isTools(rel) && (st.isRegular() && st.size > 0 || st.isLink()) {
		h.work.Changes.add(Change{InHome, path.Join("~", rel), ""})
	}
	return nil
}

func (h *homeWork) skip(rel string, err error) error {
	if cerr := h.ctx.Err(); cerr != nil {
		return cerr
	}
	if ignoreNotExist(err) != nil && !isTools(rel) {
		h.work.Changes.add(Change{Unreadable, path.Join("~", rel), err.Error()})
	}
	return nil
}
