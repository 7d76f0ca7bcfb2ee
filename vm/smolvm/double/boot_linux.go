package double

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/sandbox"
)

// bootVerb makes a process the monitor of a machine.
const bootVerb = "_boot-vm"

func (d *double) start(p *parsed, kind string) int {
	name := p.get("--name", "-n")
	s := d.get(name)
	if s == nil {
		return fail("vm not found: %s", name)
	}
	if s.State == "running" {
		if reachable(d.machineDir(name)) {
			fmt.Printf("Machine '%s' already running (PID: %d)\n", name, *s.PID)
			return 0
		}
		fmt.Printf("Machine '%s' is unreachable (PID %d alive but agent unresponsive); cleaning up.\n", name, *s.PID)
		end(*s.PID)
	}
	mounts := ""
	if s.Mounts > 0 {
		mounts = fmt.Sprintf(" with %d mount(s)", s.Mounts)
	}
	fmt.Fprintf(os.Stderr, "Starting machine '%s'%s...\n", name, mounts)
	if text := startFaults[kind]; text != "" {
		return fail("%s", text)
	}
	for _, v := range s.Volumes { // gone since
		if host := strings.Split(v, ":")[0]; !isDir(host) {
			return fail("%s", startFaults["slow"])
		}
	}
	if s.Bad != "" {
		return fail("%s", s.Bad)
	}
	if orphan(d.machineDir(name)) > 0 {
		return fail("%s", startFaults["locked"])
	}
	pid, err := d.boot(name, kind)
	if err != nil {
		return fail(agentError+"start machine: agent operation failed: monitor agent: %v (boot process exited (code 1) before the agent was ready)", err)
	}
	if kind == "hangbooted" {
		d.hang()
	}
	killed(kind) // an orphan, whose record is not running
	s.State, s.PID = "running", &pid
	if err := d.put(s); err != nil {
		return fail("%v", err)
	}
	fmt.Printf("Machine '%s' running (PID: %d)\n", name, pid)
	return 0
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// boot starts the monitor, which outlives this process, and waits for it.
func (d *double) boot(name, kind string) (int, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	cmd := exec.Command("/proc/self/exe", bootVerb, d.machineDir(name))
	cmd.Args[0] = "smolvm"
	cmd.ExtraFiles = []*os.File{w}
	cmd.Env = append(os.Environ(), "DOUBLE_FAULT="+kind)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		return 0, err
	}
	answer, err := io.ReadAll(r)
	if err == nil && string(answer) != "ready" {
		err = fmt.Errorf("%s", answer)
	}
	return cmd.Process.Pid, err
}

// monitor is the process of a machine.
type monitor struct {
	dir   string
	s     stored
	m     vm.Machine
	ctx   context.Context
	slots chan struct{}
	vsock sync.Mutex // the one thread that writes to the host
}

// maxConnections is how many the agent serves.
const maxConnections = 8

func bootMain(dir string) int {
	answer := os.NewFile(3, "answer")
	m, l, err := newMonitor(dir)
	if err != nil {
		_, _ = answer.WriteString(err.Error())
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	m.ctx = ctx
	go m.serve(l)
	_, _ = answer.WriteString("ready")
	_ = answer.Close()
	<-ctx.Done()
	_ = m.m.Close()
	_ = os.Remove(filepath.Join(dir, "boot.pid"))
	return 0
}

func newMonitor(dir string) (*monitor, net.Listener, error) {
	m := &monitor{dir: dir, slots: make(chan struct{}, maxConnections)}
	data, err := os.ReadFile(filepath.Join(dir, "record.json"))
	if err == nil {
		err = json.Unmarshal(data, &m.s)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "boot.pid"), []byte(strconv.Itoa(os.Getpid())), 0o600)
	}
	if err != nil {
		return nil, nil, err
	}
	spec, err := m.spec()
	if err != nil {
		return nil, nil, err
	}
	if m.m, err = sandbox.New(sandbox.Options{}).Create(context.Background(), spec); err != nil {
		return nil, nil, err
	}
	if os.Getenv("DOUBLE_FAULT") != "nosockets" {
		if err := m.mountSockets(); err != nil {
			return nil, nil, err
		}
	}
	_ = os.WriteFile(filepath.Join(dir, "agent-console.log"), []byte(`{"message":"agent ready"}`+"\n"), 0o600)
	_ = os.Remove(filepath.Join(dir, "agent.sock"))
	l, err := net.Listen("unix", filepath.Join(dir, "agent.sock"))
	return m, l, err
}

// kept are the folders of a machine that stay while it is stopped, and fresh those
// that do not.
var kept, fresh = []string{"/home/agent", "/var/lib/bottle"}, []string{"/run/bottle"}

// sysNet stands for /sys/class/net, which a sandbox has not.
const sysNet = "/var/lib/bottle/sys-class-net"

// spec is the sandbox that stands for the machine. Its user is who the image says.
func (m *monitor) spec() (vm.Spec, error) {
	settings := double{dir: filepath.Dir(filepath.Dir(m.dir))}
	if err := settings.load(); err != nil {
		return vm.Spec{}, err
	}
	// In a machine the image's user may change routes; a sandbox has them from the
	// start, where nothing listens.
	everything := []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
	spec := vm.Spec{ID: m.s.Name, Hostname: m.s.Name, Local: everything}
	uid, gid, err := sandbox.New(sandbox.Options{}).Owner(spec.ID)
	if err != nil {
		return spec, err
	}
	for _, inside := range append(append([]string{}, kept...), fresh...) {
		at := m.host(inside)
		if contains(fresh, inside) {
			_ = removeAll(at)
		}
		if err := os.MkdirAll(at, 0o755); err != nil {
			return spec, err
		}
		if os.Geteuid() == 0 {
			if err := os.Lchown(at, uid, gid); err != nil {
				return spec, err
			}
		}
		spec.Mounts = append(spec.Mounts, vm.Mount{Source: at, Target: inside})
	}
	for _, v := range m.s.Volumes {
		parts := strings.Split(v, ":")
		spec.Mounts = append(spec.Mounts, vm.Mount{Source: parts[0], Target: parts[1], ReadOnly: len(parts) == 3 && parts[2] == "ro", Shared: true})
	}
	for inside, text := range map[string]string{"/etc/hosts": "127.0.0.1 localhost " + m.s.Name + "\n", resolvConf: resolvers} {
		mount, err := m.file(inside, text, uid, gid)
		if err != nil {
			return spec, err
		}
		spec.Mounts = append(spec.Mounts, mount)
	}
	net := m.host(sysNet)
	_ = removeAll(net)
	list := map[string]string{"lo": "0x9", "dummy0": "0x82"} // as in a real one
	for k, v := range settings.set.Interfaces {
		list[k] = v
	}
	for name, flags := range list {
		dir := filepath.Join(net, name)
		if v, ok := strings.CutPrefix(flags, "+"); ok {
			flags = v
			if err := os.MkdirAll(filepath.Join(dir, "device"), 0o755); err != nil {
				return spec, err
			}
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return spec, err
		}
		if err := os.WriteFile(filepath.Join(dir, "flags"), []byte(flags+"\n"), 0o644); err != nil {
			return spec, err
		}
	}
	return spec, nil
}

// resolvConf is written anew for each command, whatever the machine made of it.
const resolvConf, resolvers = "/etc/resolv.conf", "nameserver 1.1.1.1\nnameserver 8.8.8.8\n"

// file is one of the machine's that stays, and its user may write.
func (m *monitor) file(inside, text string, uid, gid int) (vm.Mount, error) {
	mount := vm.Mount{Source: m.host(inside), Target: inside}
	if _, err := os.Stat(mount.Source); err == nil {
		return mount, nil
	}
	err := os.MkdirAll(filepath.Dir(mount.Source), 0o755)
	if err == nil {
		err = os.WriteFile(mount.Source, []byte(text), 0o644)
	}
	if err == nil && os.Geteuid() == 0 {
		err = os.Lchown(mount.Source, uid, gid)
	}
	return mount, err
}

// host is where a file of the machine lies.
func (m *monitor) host(inside string) string { return filepath.Join(m.dir, "fs", inside) }

// mountSockets listens inside for each --mount-socket.
func (m *monitor) mountSockets() error {
	for _, v := range m.s.Sockets {
		host, guest, _ := strings.Cut(v, ":")
		path := m.host(guest)
		// By a short name: the folder of a test may not leave room.
		l, err := listenIn(filepath.Dir(path), filepath.Base(path))
		if err != nil {
			return err
		}
		if err := os.Chmod(path, 0o777); err != nil {
			return err
		}
		go m.bridge(l, host)
	}
	return nil
}

func listenIn(dir, name string) (net.Listener, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return net.Listen("unix", fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), name))
}

// bridge dials the host for each connection from inside, at that moment. Where
// nobody is, the connection stays, and is silent.
func (m *monitor) bridge(l net.Listener, host string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			to, err := net.Dial("unix", host)
			if err != nil {
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
				return
			}
			go func() {
				_, _ = io.Copy(&lockedWriter{&m.vsock, to}, c)
				_ = to.(*net.UnixConn).CloseWrite()
			}()
			_, _ = io.Copy(c, to)
			_ = c.(*net.UnixConn).CloseWrite()
		}()
	}
}

// lockedWriter writes on the one thread: a host that does not read stops all.
type lockedWriter struct {
	mu *sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// probeTimeout is how long an agent may be silent.
const probeTimeout = 3 * time.Second

// reachable asks the agent of a machine for a sign of life.
func reachable(dir string) bool {
	c, err := dialAgent(dir)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(probeTimeout))
	if err := sendRequest(c, &request{Ping: true}, nil); err != nil {
		return false
	}
	var b [1]byte
	_, err = c.Read(b[:])
	return err == nil
}
