package manifest

import (
	"reflect"
	"slices"

	"github.com/bot-bottle/bottle/proxy"
)

// Narrowed returns what of a change takes away, for a change that as a whole has
// to wait since it gives more as well: the old manifest with its denials and those
// of its other routes that the new one still has, with the denials that are new,
// with a default, budgets and a dlp
// policy that are stricter, without the repositories that are gone, and without bodies
// that are recorded no more. It is nil when nothing is taken away, or
// when that by itself would give more, as a route does that hid a more open one.
//
// The result is of neither text, so its Project is never that of a file.
func Narrowed(old, new *Manifest) *Manifest {
	out := *old
	e := &out.Egress
	inOld, inNew := indices(old.Egress.Routes), indices(new.Egress.Routes)
	e.Routes = slices.DeleteFunc(slices.Clone(e.Routes), func(r proxy.Route) bool { return r.Action != proxy.Deny && !hasKey(inNew, identity(r)) })
	for _, r := range new.Egress.Routes {
		if r.Action == proxy.Deny && !hasKey(inOld, identity(r)) {
			e.Routes = append(e.Routes, r)
		}
	}
	if looser(actionRank, e.Default, new.Egress.Default) {
		e.Default = new.Egress.Default
	}
	out.Git = narrowedGit(old, new)
	w := &widening{old: old, new: new}
	if w.dlp(); len(w.found) == 0 {
		out.DLP = new.DLP
	}
	out.Budgets = narrowedBudgets(old, new)
	out.RecordBodies = old.RecordBodies && new.RecordBodies
	same := out.RecordBodies == old.RecordBodies && reflect.DeepEqual(out.Budgets, old.Budgets) && e.Default == old.Egress.Default && reflect.DeepEqual(out.DLP, old.DLP) && reflect.DeepEqual(out.Git, old.Git) &&
		slices.EqualFunc(e.Routes, old.Egress.Routes, func(a, b proxy.Route) bool { return identity(a) == identity(b) })
	policy, err := proxy.NewPolicy(e.Default, e.Routes)
	if same || err != nil {
		return nil
	}
	e.Policy, e.Routes = policy, policy.Routes()
	if old.Project != nil {
		out.Project = &File{Path: old.Project.Path, Hash: "narrowed " + old.Project.Hash}
	}
	if len(Wider(old, &out)) > 0 {
		return nil
	}
	return &out
}
