package bottle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/agent"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/workspace"
	"github.com/bot-bottle/bottle/vm"
)

// A bottle whose machine outlives it can be gone on with: its home, its copy of the
// workspace and what was installed in the machine stay as they were. Policy, secrets
// and the certificate authority are those of the new launch.

// launchedFile says what a bottle was launched as.
const launchedFile = "launched.json"

type launched struct {
	// Shape is a hash of what a machine cannot change.
	Shape string `json:"shape"`
	// Files are hashes of what was written into the home, by their paths.
	Files map[string]string `json:"files"`
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// shape is a hash of what a machine is made of.
func (p *Prepared) shape() (string, error) {
	m := p.Manifest
	data, err := json.Marshal([]any{p.Plan.Agent, m.Image, m.WorkspaceMode, m.Mounts, m.Resources})
	return hashOf(data), err
}

// Again goes on with the newest of these bottles that can be, if there is one: a
// bottle of the same name and workspace that has ended, and whose machine is made as
// a new one would be. It returns its record, or nil.
func (p *Prepared) Again(list []control.Bottle) (*state.Bottle, error) {
	if p.keeper() == nil {
		return nil, nil
	}
	shape, err := p.shape()
	if err != nil {
		return nil, err
	}
	for _, b := range slices.Backward(list) { // the newest comes last
		r := b.Bottle
		dir, err := p.opt.Env.BottleDir(r.ID)
		if err != nil {
			return nil, err
		}
		was, err := readLaunched(dir)
		if b.Status.Alive() || r.Name != p.name() || r.Workspace != p.Manifest.Workspace || r.Backend != p.opt.Backend.Name() || err != nil || was.Shape != shape {
			continue
		}
		p.again = &r
		return &r, nil
	}
	return nil, nil
}

func readLaunched(dir string) (l launched, err error) {
	data, err := os.ReadFile(filepath.Join(dir, launchedFile))
	if err == nil {
		err = json.Unmarshal(data, &l)
	}
	return l, err
}

// noteLaunched keeps what Again goes by, once everything of a launch is in place.
func (b *Bottle) noteLaunched() error {
	shape, err := b.prepared.shape()
	if err != nil {
		return err
	}
	l := launched{Shape: shape, Files: map[string]string{}}
	for _, f := range b.plan.Files {
		l.Files[f.Path] = hashOf([]byte(f.Data))
	}
	return state.WriteJSON(filepath.Join(b.dir, launchedFile), l)
}

// place makes the folder of a new bottle, or takes that of one that is gone on with:
// what was not brought here of its work, for it was killed, is brought first.
func (b *Bottle) place(ctx context.Context) (err error) {
	p := b.prepared
	if p.again == nil {
		b.dir, err = create(p.opt.Env, b.record)
		return err
	}
	r := *p.again
	if b.dir, err = p.opt.Env.BottleDir(r.ID); err != nil {
		return err
	}
	// Whose journal it is, it is.
	if b.journal, err = openJournal(b.JournalDir()); err != nil {
		if locked := (*journal.LockedError)(nil); errors.As(err, &locked) {
			err = fmt.Errorf("%s was started by somebody else just now: try again, or make a new bottle with --fresh: %w", r.ID, err)
		}
		return err
	}
	if err := b.holdFiles(ctx); err != nil {
		return err
	}
	if err := collect(ctx, r, b.dir, PullOptions{Backends: []vm.Backend{p.opt.Backend}, Progress: p.opt.Progress}); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(b.dir, awayFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	r.Running, r.PID, r.Ports, r.Manifest, r.Agent = true, os.Getpid(), b.record.Ports, b.record.Manifest, b.record.Agent
	b.record = r
	return p.opt.Env.Save(r)
}

// undo takes back a launch that failed: of a new bottle nothing stays; one that was
// gone on with is as it was, for there is work in it. Others see it as busy until all
// but its record is gone: to look for its machine may take long.
func (b *Bottle) undo(ctx context.Context) error {
	env, isNew := b.prepared.opt.Env, b.prepared.again == nil
	errs := []error{b.end()}
	if isNew {
		errs = append(errs, b.removeMachine(ctx))
	}
	b.record.Running, b.record.PID = false, 0
	errs = append(errs, env.Save(b.record), b.release())
	if isNew {
		errs = append(errs, env.Remove(b.record.ID))
	}
	return errors.Join(errs...)
}

// freshen writes the files of the plan into a home that was used: but for those that
// the agent has changed since, which are its own now. Settings are merged with them.
func (b *Bottle) freshen(home string) error {
	was, err := readLaunched(b.dir)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(home)
	if err != nil {
		return err
	}
	defer root.Close()
	plan := b.plan
	plan.Files = slices.DeleteFunc(slices.Clone(plan.Files), func(f agent.File) bool {
		return f.Format == "" && changed(root, f.Path, was.Files[f.Path])
	})
	return plan.Write(home, b.owner.uid, b.owner.gid)
}

// removeStale removes what of a home that was used says how things were: in the machine,
// for what is only missing here stays there.
func (b *Bottle) removeStale(ctx context.Context) error {
	if b.prepared.again == nil || len(b.plan.Stale) == 0 {
		return nil
	}
	// The patterns are of the plan, and for the shell to fill in.
	p, err := b.machine.Start(ctx, vm.Command{Args: []string{"sh", "-c", "rm -f -- " + strings.Join(b.plan.Stale, " ")}})
	if err != nil {
		return fmt.Errorf("remove what the client makes again: %w", err)
	}
	code, err := p.Wait()
	if err == nil && code != 0 {
		err = fmt.Errorf("rm ended with %d", code)
	}
	if err != nil {
		return fmt.Errorf("remove what the client makes again: %w", err)
	}
	return nil
}

// maxPlanFile is more than any file of a plan has, in bytes.
const maxPlanFile = 4 << 20

// changed reports whether a file is there and is not what was written.
func changed(root *os.Root, name, hash string) bool {
	f, err := root.Open(name)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return true
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPlanFile))
	return err != nil || hashOf(data) != hash
}

// lookAgain finds what the agent must not write of a workspace that is mounted again:
// its private .git is there, and what a new one would have is only looked at.
func lookAgain(ctx context.Context, opt workspace.Options) (git workspace.PrivateGit, err error) {
	opt.Target, opt.Base = opt.Target+".look", opt.Base+".look"
	defer func() { err = errors.Join(err, workspace.Remove(ctx, opt.Target), os.RemoveAll(opt.Base)) }()
	return workspace.PrepareGit(ctx, opt)
}

// name is what a bottle is called.
func (p *Prepared) name() string {
	if p.Manifest.Name != "" {
		return p.Manifest.Name
	}
	return p.Plan.Agent
}
