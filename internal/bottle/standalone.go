package bottle

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/desktop"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/mitm"
	"github.com/bot-bottle/bottle/proxy"
	"github.com/bot-bottle/bottle/vm"
)

// StandaloneOptions of NewStandalone.
type StandaloneOptions struct {
	Manifest *manifest.Manifest
	Trust    *manifest.Trust
	Env      state.Env
	// Listen is ADDR:PORT or unix:PATH.
	Listen string
	// NoAuth lets whoever reaches the listener use it. On TCP that is accepted
	// on a loopback address only.
	NoAuth bool
	Reload func() (*manifest.Manifest, error)
	Log    *slog.Logger
	// Desktop is told of questions; nil for none.
	Desktop *desktop.Notifier
	// Version is that of this program.
	Version string
	// Gate serves git alone, without a proxy: see Standalone.GitConfig.
	Gate bool
}

// proxyName and proxyBackend are what the record of a standalone proxy says. It
// is listed among the bottles, so that its journal is found and it can be ended
// in the same way.
const proxyName, gateName, proxyBackend = "proxy", "gate", "none"

// Standalone is a proxy without a bottle around its clients.
type Standalone struct {
	opt      StandaloneOptions
	dir      string
	journal  *recorder
	control  *control.Server
	server   *proxy.Server
	listener net.Listener
	front    *gitgate.Front // of a gate
	http     *http.Server   // of front
	password string
	record   state.Bottle
	vars     map[string]string
	reload   *reloader
	operator *operator
	end      context.CancelFunc // somebody asks for the end
	ended    <-chan struct{}
}

// caDir is the folder of the per-user authority, below the state folder.
const caDir = "ca"

// CADir returns the folder of the per-user authority.
func CADir(env state.Env) (string, error) {
	dir, err := env.MakeStateDir()
	return filepath.Join(dir, caDir), err
}

// NewStandalone checks everything and listens. Serve must follow.
func NewStandalone(ctx context.Context, opt StandaloneOptions) (_ *Standalone, warnings []string, err error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if warnings, err = opt.Manifest.Check(opt.Trust, checkOptions(opt.Env)); err != nil {
		return nil, nil, err
	}
	s := &Standalone{opt: opt}
	ending, end := context.WithCancel(context.Background())
	s.end, s.ended = end, ending.Done()
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(), s.forget())
		}
	}()
	ca, err := s.authority()
	if err != nil {
		return nil, nil, err
	}
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		return nil, nil, err
	}
	user, err := loadUser(opt.Env)
	if err != nil {
		return nil, nil, err
	}
	if s.listener, err = listen(ctx, opt.Listen, opt.NoAuth); err != nil {
		return nil, nil, err
	}
	if s.Open() {
		warnings = append(warnings, openText)
	}
	name := proxyName
	if opt.Gate {
		name = gateName
	}
	s.record = state.Bottle{ID: state.NewID(name), Name: name, Backend: proxyBackend, Workspace: opt.Manifest.Dir, Manifest: manifestPath(opt.Manifest),
		Created: time.Now(), Running: true, PID: os.Getpid()}
	if s.dir, err = create(opt.Env, s.record); err != nil {
		return nil, nil, err
	}
	if s.journal, err = openJournal(s.JournalDir()); err != nil {
		return nil, nil, err
	}
	cfg, cred, err := user.proxyConfig(ctx, opt.Manifest, secret.Options{Warn: warnAnew(opt.Log)})
	if err != nil {
		return nil, nil, err
	}
	s.reload = &reloader{journal: s.journal, session: s.record.ID, log: opt.Log, trust: opt.Trust,
		load: opt.Reload, user: user, inForce: cfg, noted: s.journal.manifestIs, current: opt.Manifest, agreed: opt.Manifest}
	s.reload.view.Store(opt.Manifest)
	s.journal.inForce = s.reload.view.Load
	if opt.Manifest.RecordBodies && !opt.Gate {
		warnings = append(warnings, "record.bodies is true: "+manifest.RecordText)
	}
	s.operator = newOperator(s.reload, s.record, opt.Log, opt.Desktop)
	if err := s.journal.serveMetrics(ctx, opt.Manifest, s.record, opt.Version, s.operator.desk); err != nil {
		return nil, nil, err
	}
	s.journal.export(ctx, s.record, opt.Version, opt.Log)
	popt := proxy.Options{Leaves: leaves, Recorder: s.journal, Bodies: s.journal, Logger: opt.Log, Ask: s.operator.ask,
		Hosts: superviseHosts(opt.Manifest, s.reload, s.record, opt.Version, s.operator.desk, s.journal.counts)}
	if s.server, err = proxy.New(ctx, cfg, popt); err != nil {
		return nil, nil, err
	}
	s.reload.server = s.server
	if err := s.newFront(); err != nil {
		return nil, nil, err
	}
	if !opt.NoAuth && !opt.Gate && s.listener.Addr().Network() == "tcp" {
		var b [24]byte
		_, _ = rand.Read(b[:])
		s.password = base64.RawURLEncoding.EncodeToString(b[:])
	}
	if err := s.writeExports(ca, cred); err != nil {
		return nil, nil, err
	}
	if err := s.serveControl(); err != nil {
		return nil, nil, err
	}
	return s, warnings, nil
}

// serveControl lets other commands list and end it.
func (s *Standalone) serveControl() error {
	path, err := controlPath(s.opt.Env, s.record.ID)
	if err != nil {
		return err
	}
	s.record.Socket = path
	s.control, err = control.Listen(control.Options{
		Path: path, Machine: noMachine{}, Info: info(s.record, s.opt.Version), Counts: s.journal.counts, Notes: s.journal.notes, Logger: s.opt.Log,
		Handlers: s.operator.handlers(),
		Shutdown: func(context.Context, bool) error {
			s.end()
			return nil
		},
	})
	return errors.Join(err, s.opt.Env.Save(s.record))
}

// noMachine is where commands of a standalone proxy would run.
type noMachine struct{}

func (noMachine) Start(context.Context, vm.Command) (vm.Process, error) {
	return nil, fmt.Errorf("this is a proxy alone: nothing runs in it: %w", errors.ErrUnsupported)
}

func (s *Standalone) authority() (*mitm.Authority, error) {
	dir, err := CADir(s.opt.Env)
	if err != nil {
		return nil, err
	}
	return mitm.LoadOrCreate(dir, mitm.Options{})
}

// proxyUser is the user name that stands in front of the password.
const proxyUser = "bottle"

// writeExports puts the bundle into the state folder and makes the variables
// that a client needs.
func (s *Standalone) writeExports(ca *mitm.Authority, cred *credentials) error {
	trustVars, err := writeRoots(s.dir, ca, s.opt.Manifest.Egress.UpstreamCA, s.opt.Log)
	if err != nil {
		return err
	}
	vars, err := expandEnv(s.opt.Manifest.Env, cred)
	if err != nil {
		return err
	}
	s.vars = layer(trustVars, vars)
	if url := s.URL(); url != "" {
		s.vars = layer(s.vars, proxyEnv(url))
	}
	return nil
}

func (s *Standalone) addr() string {
	if s.listener.Addr().Network() == "unix" {
		return "unix:" + s.listener.Addr().String()
	}
	return s.listener.Addr().String()
}

// Addr returns the address that it listens on, with the port that it got.
func (s *Standalone) Addr() string { return s.addr() }

// URL returns the proxy's URL with its password, or "" on a unix socket, which
// no URL of a client can name.
func (s *Standalone) URL() string {
	if s.listener.Addr().Network() == "unix" {
		return ""
	}
	if s.password == "" {
		return "http://" + reach(s.addr())
	}
	return fmt.Sprintf("http://%s:%s@%s", proxyUser, s.password, reach(s.addr()))
}

// Vars returns the variables that a client needs.
func (s *Standalone) Vars() map[string]string { return s.vars }

// JournalDir returns the folder of its journal.
func (s *Standalone) JournalDir() string { return filepath.Join(s.dir, journalDir) }

// ID returns the id under which it is listed.
func (s *Standalone) ID() string { return s.record.ID }

// Serve serves until ctx ends, then lets running requests end for a while.
func (s *Standalone) Serve(ctx context.Context) error {
	if s.opt.Reload != nil {
		if err := s.reload.run(ctx); err != nil {
			s.opt.Log.Warn("the manifest is not watched for changes", "error", err)
		}
	}
	opts := proxy.ListenOptions{Session: s.record.ID}
	if s.password != "" {
		opts.Credentials = []proxy.Credential{{Session: s.record.ID, User: proxyUser, Password: s.password}}
	}
	served := make(chan error, 1)
	go func() {
		serve := func() error { return s.server.Serve(s.listener, opts) }
		if s.http != nil {
			serve = func() error { return s.http.Serve(s.listener) }
		}
		err := serve()
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		served <- err
	}()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		err = errors.Join(s.shutdown(), <-served)
	case <-s.ended:
		err = errors.Join(s.shutdown(), <-served)
	}
	s.record.Running, s.record.PID = false, 0
	return errors.Join(err, s.opt.Env.Save(s.record), s.close())
}

// Abandon ends a proxy that is not going to Serve, and removes its state.
func (s *Standalone) Abandon() error { return errors.Join(s.close(), s.forget()) }

// forget removes the state of a proxy that never served.
func (s *Standalone) forget() error {
	if s.dir == "" {
		return nil
	}
	return s.opt.Env.Remove(s.record.ID)
}

// drainTimeout bounds how long running requests may go on after a stop signal.
const drainTimeout = 10 * time.Second

func (s *Standalone) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	s.operator.desk.Close() // nothing waits for an answer any more
	var err error
	if s.http != nil {
		if err = s.http.Shutdown(ctx); err != nil {
			err = errors.Join(err, s.http.Close())
		}
	}
	err = errors.Join(err, s.server.Shutdown(ctx))
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func (s *Standalone) close() error {
	var errs []error
	if s.http != nil {
		errs = append(errs, s.http.Close())
	}
	if s.server != nil {
		errs = append(errs, s.server.Close())
	}
	if s.listener != nil {
		if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.journal != nil {
		errs = append(errs, s.journal.Close())
	}
	if s.control != nil {
		errs = append(errs, s.control.Close())
	}
	return errors.Join(errs...)
}
