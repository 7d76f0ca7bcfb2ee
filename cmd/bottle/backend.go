package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/image"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/sandbox"
	"github.com/bot-bottle/bottle/vm/smolvm"
)

// backend returns what makes machines where no manifest says what.
func (a *app) backend() vm.Backend { return sandbox.New(sandbox.Options{}) }

// backends are all that there are.
func (a *app) backends() []vm.Backend { return []vm.Backend{a.backend(), microVMs()} }

// microVMs makes virtual machines. Those that belong to another state folder are not
// this one's leftovers.
func microVMs() *smolvm.Backend {
	dir, _ := env.StateDir() // what needs it says what is wrong with it
	return smolvm.New(smolvm.Options{Home: dir})
}

// backendOf returns what makes the machine of a manifest, and in words why it is
// that, where somebody may wonder. It fails where the manifest wants smolvm and there
// is none: the image would be made for nothing, which takes minutes. What is wrong with
// the hypervisor is said only, for a guess must not keep a machine from its start.
func (a *app) backendOf(ctx context.Context, m *manifest.Manifest) (b vm.Backend, why string, err error) {
	micro := microVMs()
	if m.Backend == micro.Name() {
		if err := micro.Installed(ctx); err != nil {
			return nil, "", err
		}
		if err := micro.Usable(ctx); err != nil {
			why = "warning: a virtual machine will hardly start here: " + escape.Text(err.Error()) + "; the sandbox needs none of this: --backend sandbox"
		}
		return micro, why, nil
	}
	if m.Backend == a.backend().Name() {
		return a.backend(), "", nil
	}
	err = micro.Usable(ctx)
	switch {
	case errors.Is(err, smolvm.ErrNotInstalled) && runtime.GOOS == "linux":
		return a.backend(), "", nil // as on most hosts
	case err == nil && m.Image == "" && !image.CanBuild():
		err = fmt.Errorf("no image is named in the manifest, and to build the default one %w", image.ErrNoBuilder)
	}
	if err == nil || runtime.GOOS != "linux" { // which has no sandbox
		return micro, "it runs in a virtual machine, for smolvm is here (backend: auto)", nil
	}
	return a.backend(), "it runs in a sandbox and not in a virtual machine (backend: auto): " + escape.Text(err.Error()), nil
}

// orphans are the machines of bottles that are gone.
func (a *app) orphans(ctx context.Context, list []control.Bottle) (ids []string, err error) {
	for _, b := range a.backends() {
		k, ok := b.(vm.Keeper)
		if !ok {
			continue
		}
		all, kerr := k.Machines(ctx)
		if kerr != nil && !errors.Is(kerr, smolvm.ErrNotInstalled) {
			err = errors.Join(err, kerr)
		}
		for _, id := range all {
			if !slices.ContainsFunc(list, func(b control.Bottle) bool { return b.ID == id }) {
				ids = append(ids, id)
			}
		}
	}
	return ids, err
}

// removeOrphan removes the machine of an id that no bottle has any more. It reports
// whether there was one.
func (a *app) removeOrphan(ctx context.Context, id string) (bool, error) {
	list, err := control.All(ctx, env)
	if err != nil {
		return false, err
	}
	ids, err := a.orphans(ctx, list)
	if err != nil || !slices.Contains(ids, id) {
		return false, err
	}
	for _, b := range a.backends() {
		if k, ok := b.(vm.Keeper); ok {
			err = errors.Join(err, k.Remove(ctx, id))
		}
	}
	if err == nil && !a.quiet {
		fmt.Fprintf(a.std.err, "the machine of %s is gone\n", escape.Text(id))
	}
	return true, err
}

// tellOrphans says which machines were left behind.
func (a *app) tellOrphans(ctx context.Context, list []control.Bottle) {
	ids, err := a.orphans(ctx, list)
	if err != nil && !a.quiet {
		fmt.Fprintf(a.std.err, "warning: whether machines were left behind cannot be told: %s\n", escape.Text(err.Error()))
	}
	for _, id := range ids {
		fmt.Fprintf(a.std.err, "the machine of the bottle %s, which is gone, was left behind; to remove it: bottle down %s\n", escape.Text(id), escape.Text(id))
	}
}
