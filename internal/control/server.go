package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/vm"
)

// The defaults and limits of a Server.
const (
	DefaultGrace = 5 * time.Second
	maxConns     = 256 // at a time; each costs at most about 2 MiB
)

// handshakeTime is how long the other end may take to say what it wants, or
// for the client, to answer at all.
const handshakeTime = 10 * time.Second

// Options is what a Server serves. Its hooks are called from any goroutine, at
// the same time too. A nil hook is an operation that is refused.
type Options struct {
	// Path is that of the socket, in a private folder that exists. A socket
	// that a killed process left there is replaced.
	Path string
	// Lock is what Reserve returned; nil has Listen take it. A Server that serves lets
	// it go with its end.
	Lock *state.Lock
	// Machine runs the commands of exec and shell.
	Machine vm.Starter
	// Info is told to clients, after PID, Uptime, Commands and Counts are
	// filled in. A zero Started is the time of Listen.
	Info Info
	// Counts returns numbers to show with the Info, such as of requests.
	Counts func() map[string]int64
	// Notes returns texts to show with the Info; nil for none.
	Notes func() map[string]string
	// Shutdown begins to end the bottle and returns at once: the client then
	// waits until the Server is closed. With force, work that was not saved
	// and commands that run are no reason to wait.
	Shutdown func(ctx context.Context, force bool) error
	// Reload reads the manifest again and says what came of it.
	Reload func(ctx context.Context) (string, error)
	// Handlers are further operations by name.
	Handlers map[string]Handler
	// Grace is how long a command has to end after SIGHUP, before SIGKILL;
	// 0 means DefaultGrace.
	Grace time.Duration
	// Logger gets what no client is told; nil discards it.
	Logger *slog.Logger

	peer      func(*net.UnixConn) (peer, error) // nil means peerOf
	handshake time.Duration                     // 0 means handshakeTime
}

// Server serves the control socket of one bottle. Its methods may be called
// from any goroutine.
type Server struct {
	opts     Options
	handlers map[string]Handler
	log      *slog.Logger
	started  time.Time
	listener *net.UnixListener
	lock     *state.Lock
	commands atomic.Int64

	ctx     context.Context // ends when Close begins
	stop    context.CancelFunc
	serving sync.WaitGroup
	closing sync.Once

	mu    sync.Mutex
	conns map[*net.UnixConn]struct{}
}

// Listen begins to serve. That another process, or another Server, serves the
// path already is an error that wraps state.ErrLocked.
func Listen(opts Options) (*Server, error) {
	s := &Server{
		opts: opts, handlers: map[string]Handler{}, log: opts.Logger,
		started: time.Now(), conns: map[*net.UnixConn]struct{}{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.opts.Grace == 0 {
		s.opts.Grace = DefaultGrace
	}
	if s.opts.handshake == 0 {
		s.opts.handshake = handshakeTime
	}
	if s.opts.peer == nil {
		s.opts.peer = peerOf
	}
	if s.opts.Info.Started.IsZero() {
		s.opts.Info.Started = s.started
	}
	if err := s.register(); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.serving.Go(s.accept)
	return s, nil
}

func (s *Server) listen() (err error) {
	path := s.opts.Path
	dir := filepath.Dir(path)
	if err := state.CheckSocketPath(path); err != nil {
		return err
	}
	if err := (state.Env{}).CheckPrivate(dir); err != nil {
		return err
	}
	if s.lock = s.opts.Lock; s.lock == nil {
		if s.lock, err = Reserve(path); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil && s.opts.Lock == nil {
			_ = s.lock.Unlock()
		}
	}()
	// With the lock, a socket that is there is nobody's any more.
	if err := removeSocket(path); err != nil {
		return err
	}
	if s.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"}); err != nil {
		return err
	}
	if err := os.Chmod(path, 0o600); err != nil { // the closed folder has kept others out until here
		_ = s.listener.Close()
		return err
	}
	return nil
}

// Reserve takes the place of the socket at path before there is one: until Listen,
// others find the bottle starting, and neither dead nor theirs to remove.
func Reserve(path string) (*state.Lock, error) {
	return lockSoon(filepath.Join(filepath.Dir(path), lockName))
}

// lockSoon takes the lock, with patience for those who only look whether it is
// held.
func lockSoon(path string) (*state.Lock, error) {
	const tries, pause = 5, 10 * time.Millisecond
	for n := 1; ; n++ {
		l, err := state.TryLock(path)
		if err == nil {
			return l, nil
		}
		if n == tries || !errors.Is(err, state.ErrLocked) {
			return nil, fmt.Errorf("already served: %w", err)
		}
		time.Sleep(pause)
	}
}

func removeSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there and is no socket: remove it", path)
	}
	return os.Remove(path)
}

func (s *Server) accept() {
	for {
		raw, err := s.listener.AcceptUnix()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// Most likely descriptors have run out: others give some back.
			s.log.Warn("control socket: accept", "error", err)
			select {
			case <-s.ctx.Done():
				return
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		if !s.add(raw) {
			_ = raw.Close()
			continue
		}
		s.serving.Go(func() {
			defer s.drop(raw)
			if err := s.serve(raw); err != nil && !gone(err) {
				s.log.Warn("control socket: connection", "error", err)
			}
		})
	}
}

// add counts a connection in, unless there are too many.
func (s *Server) add(raw *net.UnixConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= maxConns {
		s.log.Warn("control socket: too many connections", "limit", maxConns)
		return false
	}
	s.conns[raw] = struct{}{}
	return true
}

func (s *Server) drop(raw *net.UnixConn) {
	_ = raw.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, raw)
}

// serve serves one connection to its end.
func (s *Server) serve(raw *net.UnixConn) error {
	p, err := s.opts.peer(raw)
	if err != nil {
		return fmt.Errorf("ask who connects: %w", err)
	}
	if err := p.check(os.Geteuid()); err != nil {
		return err
	}
	if err := raw.SetDeadline(time.Now().Add(s.opts.handshake)); err != nil {
		return err
	}
	c := newConn(raw)
	version, err := c.greet()
	if err != nil {
		return err
	}
	if version != protocolVersion {
		return nil // the client has our version and says what to do
	}
	var req request
	f, err := c.read()
	if err != nil {
		return err
	}
	if err := readJSON(f, kindRequest, &req); err != nil {
		return err
	}
	if err := raw.SetDeadline(time.Time{}); err != nil {
		return err
	}
	if s.ctx.Err() != nil { // Close may have set its deadline just before
		return nil
	}
	if req.Op == opStart {
		return s.start(c, req.Body)
	}
	return s.call(c, req)
}

// Close ends what runs over the socket: calls are cancelled, commands get
// SIGHUP and after the grace SIGKILL. It returns when all is over, after at
// most twice the grace, and the socket is gone. Clients of Shutdown are let go
// by it, so it comes last. Closing twice is fine.
func (s *Server) Close() error {
	var err error
	s.closing.Do(func() {
		s.stop()
		err = s.listener.Close() // and removes the socket
		cut := time.AfterFunc(2*s.opts.Grace, s.cut)
		s.serving.Wait()
		cut.Stop()
		// The lock's file goes last, for its removal lets the lock go. Who waited
		// for the end may have removed the folder by now.
		removed := os.Remove(filepath.Join(filepath.Dir(s.opts.Path), lockName))
		if errors.Is(removed, fs.ErrNotExist) {
			removed = nil
		}
		err = errors.Join(err, removed, s.lock.Unlock())
	})
	s.serving.Wait()
	return err
}

// cut ends all waiting for clients.
func (s *Server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for raw := range s.conns {
		_ = raw.SetDeadline(time.Unix(1, 0))
	}
}

func (s *Server) info() Info {
	i := s.opts.Info
	i.PID = os.Getpid()
	i.Uptime = time.Since(i.Started)
	i.Commands = int(s.commands.Load())
	if s.opts.Counts != nil {
		i.Counts = s.opts.Counts()
	}
	if s.opts.Notes != nil {
		i.Notes = s.opts.Notes()
	}
	return i
}
