package bottle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/internal/agent"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/mitm"
	"github.com/bot-bottle/bottle/proxy"
	"github.com/bot-bottle/bottle/vm"
)

// Launch makes the bottle. When it fails, nothing of it stays behind. ctx bounds
// the launch only.
func (p *Prepared) Launch(ctx context.Context) (_ *Bottle, err error) {
	name := p.name()
	b := &Bottle{prepared: p, log: p.opt.Log, record: state.Bottle{
		ID: state.NewID(name), Name: name, Agent: p.Plan.Agent, Backend: p.opt.Backend.Name(),
		Workspace: p.Manifest.Workspace, Manifest: manifestPath(p.Manifest), Created: time.Now(), Running: true, PID: os.Getpid(),
	}}
	defer b.freeFiles()
	if err := b.place(ctx); err != nil {
		if b.journal != nil {
			err = errors.Join(err, b.journal.Close())
		}
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.undo(ctx))
		}
	}()
	if err := b.reserve(); err != nil {
		return nil, err
	}
	// Before anything that takes long: a port that is taken is the person's to free.
	if b.forward, b.record.Ports, err = openPorts(ctx, p.Manifest.Ports); err != nil {
		return nil, err
	}
	if b.user, err = loadUser(p.opt.Env); err != nil {
		return nil, err
	}
	cred, err := b.startProxy(ctx)
	if err != nil {
		return nil, err
	}
	told := b.probePushes(ctx, probeTimeout)
	if err := b.makeFolders(ctx, cred); err != nil {
		return nil, err
	}
	if err := b.startMachine(ctx); err != nil {
		return nil, err
	}
	if err := b.serveControl(); err != nil {
		return nil, err
	}
	if err := errors.Join(b.noteLaunched(), p.opt.Env.Save(b.record)); err != nil {
		return nil, err
	}
	b.watch(ctx)
	told()
	return b, nil
}

// manifestPath is the project's manifest of a bottle, "" for none.
func manifestPath(m *manifest.Manifest) string {
	if m.Project == nil {
		return ""
	}
	return m.Project.Path
}

// create makes the folder of a bottle's state, whole or not at all.
func create(env state.Env, r state.Bottle) (dir string, err error) {
	dir, err = env.Create(r)
	if err != nil && !errors.Is(err, fs.ErrExist) { // that one is another bottle's
		err = errors.Join(err, env.Remove(r.ID))
	}
	return dir, err
}

// startProxy opens the journal, resolves the secrets and makes the proxy, which
// listens nowhere yet.
func (b *Bottle) startProxy(ctx context.Context) (*credentials, error) {
	p := b.prepared
	var err error
	if b.journal == nil {
		if b.journal, err = openJournal(b.JournalDir()); err != nil {
			return nil, err
		}
	}
	cfg, cred, err := b.user.proxyConfig(ctx, p.Manifest, secret.Options{Warn: warnAnew(b.log)})
	if err != nil {
		return nil, err
	}
	ca, err := mitm.NewAuthority(mitm.Options{Name: "bottle " + b.record.ID})
	if err != nil {
		return nil, err
	}
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		return nil, err
	}
	b.reload = &reloader{journal: b.journal, session: b.record.ID, log: b.log, trust: p.opt.Trust, load: p.opt.Reload, user: b.user, inForce: cfg,
		noted: b.journal.manifestIs, started: p.Manifest, current: p.Manifest, agreed: p.Manifest, folders: hostFolders(p.Manifest)}
	b.reload.view.Store(p.Manifest)
	b.journal.inForce = b.reload.view.Load
	b.operator = newOperator(b.reload, b.record, b.log, p.opt.Desktop)
	if err := b.journal.serveMetrics(ctx, p.Manifest, b.record, p.opt.Version, b.operator.desk); err != nil {
		return nil, err
	}
	b.journal.export(ctx, b.record, p.opt.Version, b.log)
	opts := proxy.Options{Leaves: leaves, Recorder: b.journal, Bodies: b.journal, Logger: b.log, Resolver: p.opt.Resolver, Ask: b.operator.ask,
		Hosts: superviseHosts(p.Manifest, b.reload, b.record, p.opt.Version, b.operator.desk, b.journal.counts)}
	opts.Hosts[trustHost] = http.HandlerFunc(answerTrust)
	if b.server, err = proxy.New(ctx, cfg, opts); err != nil {
		return nil, err
	}
	b.reload.server = b.server
	if err := b.writeGuest(ca); err != nil {
		return nil, err
	}
	vars, err := expandEnv(p.Manifest.Env, cred)
	if err != nil {
		return nil, err
	}
	if b.plan, err = agent.New(p.Manifest.Agent, p.agentOptions(layer(vars, p.opt.Vars), cred.logins)); err != nil {
		return nil, err
	}
	b.env = layer(terminalEnv(os.Getenv), mitm.ClientEnv(guestTarget+"/"+bundleName, guestTarget+"/"+caName),
		proxyEnv(fmt.Sprintf("http://127.0.0.1:%d", proxyPort)), b.plan.Env, vars, p.opt.Vars)
	return cred, b.journal.Record(ctx, &proxy.Event{Time: time.Now(), Type: proxy.EventNote, Session: b.record.ID, Reason: "the bottle starts"})
}

// The files of the guest folder.
const (
	caName     = "ca.pem"
	bundleName = "ca-bundle.pem"
)

// writeGuest makes the folder that is shown at guestTarget: certificates, never
// a key.
func (b *Bottle) writeGuest(ca *mitm.Authority) error {
	dir := filepath.Join(b.dir, guestDir)
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	_, err := writeRoots(dir, ca, b.prepared.Manifest.Egress.UpstreamCA, b.log)
	return err
}

// writeRoots writes the two files that clients trust the proxy by, and returns
// the variables that name them in dir.
func writeRoots(dir string, ca *mitm.Authority, upstreamCA []string, log *slog.Logger) (map[string]string, error) {
	roots, err := mitm.Bundle(mitm.BundleOptions{CA: ca.Certificate(), Extra: upstreamCA})
	if err != nil {
		return nil, fmt.Errorf("egress.upstream_ca: %w", err)
	}
	if roots.System == "" {
		log.Warn("this host has no root certificates, so hosts that are passed through will not verify: install ca-certificates")
	}
	paths := map[string]string{}
	for name, data := range map[string][]byte{caName: roots.Added, bundleName: roots.All} {
		paths[name] = filepath.Join(dir, name)
		if err := os.WriteFile(paths[name], data, 0o644); err != nil {
			return nil, err
		}
	}
	return mitm.ClientEnv(paths[bundleName], paths[caName]), nil
}

// makeFolders fills the agent's home and copies the workspace.
func (b *Bottle) makeFolders(ctx context.Context, cred *credentials) error {
	p := b.prepared
	uid, gid, err := p.opt.Backend.Owner(b.record.ID)
	if err != nil {
		return err
	}
	b.owner = owner{-1, -1}
	if os.Geteuid() == 0 {
		b.owner = owner{uid, gid}
	}
	homePath := filepath.Join(b.dir, homeDir)
	if p.again != nil {
		if err := b.freshen(homePath); err != nil {
			return err
		}
		return b.copyWorkspace(ctx, cred)
	}
	if err := os.Mkdir(homePath, 0o700); err != nil {
		return err
	}
	if b.owner.uid >= 0 {
		if err := os.Lchown(homePath, b.owner.uid, b.owner.gid); err != nil {
			return err
		}
	}
	if err := b.plan.Write(homePath, b.owner.uid, b.owner.gid); err != nil {
		return err
	}
	if err := b.copyWorkspace(ctx, cred); err != nil {
		return err
	}
	return b.sayCredentials(ctx)
}

// startMachine makes the machine and lets the proxy serve its listener.
func (b *Bottle) startMachine(ctx context.Context) error {
	p := b.prepared
	spec := b.spec()
	if err := b.forKeeper(ctx, &spec); err != nil {
		return err
	}
	m, err := p.opt.Backend.Create(ctx, spec)
	if err == nil {
		b.machine, err = m, b.goesAway()
	}
	b.freeFiles()
	if err != nil {
		return err
	}
	if err := b.removeStale(ctx); err != nil {
		return err
	}
	b.sayLimits(m.Limits())
	if b.listener, err = m.Listen(ctx, proxyPort); err != nil {
		return err
	}
	b.served = make(chan error, 1)
	go func() { b.served <- b.server.Serve(b.listener, proxy.ListenOptions{Session: b.record.ID}) }()
	if err := b.proveTrust(ctx); err != nil {
		return err
	}
	b.forward.serve(b.record.Ports, m.Dial)
	return b.startCapture(ctx)
}

// spec is the machine: what it sees of the host, and nothing else.
func (b *Bottle) spec() vm.Spec {
	p, m := b.prepared, b.prepared.Manifest
	mounts := []vm.Mount{
		{Source: filepath.Join(b.dir, homeDir), Target: home},
		{Source: filepath.Join(b.dir, guestDir), Target: guestTarget, ReadOnly: true},
	}
	mounts = append(mounts, p.Install...)
	mounts = append(mounts, b.workspaceMounts()...)
	for _, mt := range m.Mounts {
		mounts = append(mounts, vm.Mount{Source: mt.Path, Target: inHome(mt.At), ReadOnly: !mt.Writable, Shared: true})
	}
	mounts = append(mounts, b.git.mounts...)
	mounts = append(mounts, manifestMounts(m)...)
	mounts = append(mounts, p.opt.Mounts...)
	if b.env["PATH"] == "" && p.keeper() == nil { // which the manifest may say
		b.env["PATH"] = vm.GuestPath(p.hostPath(), mounts, p.links)
	}
	return vm.Spec{
		ID: b.record.ID, Hostname: b.record.ID, Mounts: mounts, Links: p.links, Env: b.env,
		Resources: vm.Resources{Memory: m.Resources.Memory, CPUs: m.Resources.CPUs, PIDs: m.Resources.PIDs, Disk: m.Resources.Disk},
		Hosts:     serviceHosts(m), Local: localPrefixes(m), Ports: []int{proxyPort},
	}
}

// inHome puts a path that begins with ~ below the agent's home.
func inHome(at string) string {
	if rest, ok := strings.CutPrefix(at, "~"); ok {
		return filepath.Join(home, rest)
	}
	return at
}

// reserve has others see that the bottle starts: a virtual machine takes a while.
func (b *Bottle) reserve() (err error) {
	if b.record.Socket, err = controlPath(b.prepared.opt.Env, b.record.ID); err == nil {
		b.starting, err = control.Reserve(b.record.Socket)
	}
	return err
}

// serveControl opens the socket over which other commands reach this bottle.
func (b *Bottle) serveControl() error {
	var err error
	b.control, err = control.Listen(control.Options{
		Path: b.record.Socket, Lock: b.starting, Machine: b, Info: info(b.record, b.prepared.opt.Version), Counts: b.journal.counts, Notes: b.journal.notes, Logger: b.log,
		Handlers: b.operator.handlers(),
		Shutdown: func(context.Context, bool) error {
			b.ending.Store(true)
			go func() { _ = b.Kill() }() // the command in the foreground ends with it
			return nil
		},
	})
	return err
}

func controlPath(env state.Env, id string) (string, error) {
	if _, err := env.MakeRuntimeDir(id); err != nil {
		return "", err
	}
	return env.SocketPath(id, control.SocketName)
}

// info is what a record says to those who ask over the socket.
func info(r state.Bottle, version string) control.Info {
	return control.Info{ID: r.ID, Name: r.Name, Agent: r.Agent, Backend: r.Backend, Workspace: r.Workspace, Version: version, Started: r.Created}
}
