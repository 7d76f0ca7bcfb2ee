package bottle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bot-bottle/bottle/internal/state"
)

// listen opens ADDR:PORT or unix:PATH. A port in use and a socket that is left
// over are named with what to do.
func listen(ctx context.Context, at string, noAuth bool) (net.Listener, error) {
	var lc net.ListenConfig
	if path, ok := strings.CutPrefix(at, "unix:"); ok {
		if path == "" {
			return nil, errors.New("--listen unix: names no socket: want a path behind it, as in unix:./bottle.sock")
		}
		return listenUnix(ctx, &lc, path)
	}
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		return nil, fmt.Errorf("--listen %q: want ADDR:PORT (such as 127.0.0.1:0) or unix:PATH", at)
	}
	if noAuth && !isLoopback(host) {
		return nil, fmt.Errorf("--no-auth on %s would let everybody on the network use your credentials; it is accepted on a loopback address only", at)
	}
	l, err := lc.Listen(ctx, "tcp", at)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program (another bottle proxy?): stop it, or choose another port; port 0 picks a free one", at)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: ports below 1024 are reserved: choose another one; port 0 picks a free one", at)
	case err != nil:
		return nil, fmt.Errorf("--listen %s: %w", at, err)
	}
	return l, nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// listenUnix makes a socket that only this user can use. One that nobody
// listens on any more is replaced.
func listenUnix(ctx context.Context, lc *net.ListenConfig, path string) (net.Listener, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := state.CheckSocketPath(path); err != nil {
		return nil, err
	}
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case fi.Mode()&fs.ModeSocket == 0:
		return nil, fmt.Errorf("%s is there and is no socket: choose another path", path)
	default:
		if err := removeStale(ctx, path); err != nil {
			return nil, err
		}
	}
	// Made in a closed folder, so that it is never open to others.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".b")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--listen unix:%s: there is no folder %s: make it (mkdir -p), or choose another path", path, filepath.Dir(path))
	}
	if err != nil {
		return nil, fmt.Errorf("make the socket %s: choose a path in a folder of yours, such as the one in XDG_RUNTIME_DIR: %w", path, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	temp := filepath.Join(dir, "s")
	if err := state.CheckSocketPath(temp); err != nil {
		return nil, fmt.Errorf("make the socket %s: %w", path, err)
	}
	l, err := lc.Listen(ctx, "unix", temp)
	if err != nil {
		return nil, err
	}
	ul, ok := l.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(errors.New("not a unix listener"), l.Close())
	}
	ul.SetUnlinkOnClose(false)
	err = os.Chmod(temp, 0o600)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &unixListener{UnixListener: ul, path: path}, nil
}

// removeStale removes a socket that nobody listens on any more.
func removeStale(ctx context.Context, path string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = c.Close()
		return fmt.Errorf("%s is in use: another program listens there; stop it, or choose another path", path)
	case !errors.Is(err, syscall.ECONNREFUSED): // somebody may be there all the same
		return fmt.Errorf("%s is a socket of which it cannot be told whether it is in use; remove it, or choose another path: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("%s is a socket that nobody listens on, and cannot be removed: %w", path, err)
	}
	return nil
}

// unixListener removes its socket when it closes.
type unixListener struct {
	*net.UnixListener
	path string
}

func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

func (l *unixListener) Close() error {
	if err := l.UnixListener.Close(); err != nil {
		return err
	}
	if err := os.Remove(l.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
