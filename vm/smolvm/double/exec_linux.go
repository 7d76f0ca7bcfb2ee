package double

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/bot-bottle/bottle/vm"
)

// request is what a call asks the agent in a machine, with its streams as
// descriptors.
type request struct {
	Ping         bool
	Args, Env    []string
	Dir          string
	TTY, Detach  bool
	Rows, Cols   uint16
	KillWithCall bool // a plain exec ends with its call
}

// maxRequest bounds a request, in bytes.
const maxRequest = 4 << 20

// outputCap is what a plain exec's stream may hold, in bytes.
const outputCap = 11 << 20

func dialAgent(dir string) (*net.UnixConn, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	c, err := net.Dial("unix", fmt.Sprintf("/proc/self/fd/%d/agent.sock", d.Fd()))
	if err != nil {
		return nil, err
	}
	return c.(*net.UnixConn), nil
}

func sendRequest(c *net.UnixConn, r *request, files []*os.File) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var fds []int
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	if _, _, err := c.WriteMsgUnix([]byte{'\n'}, unix.UnixRights(fds...), nil); err != nil {
		return err
	}
	_, err = c.Write(append(data, '\n'))
	return err
}

// needRunning returns a machine that runs, or says that it does not.
func (d *double) needRunning(name string) (*stored, int) {
	s := d.get(name)
	switch {
	case s == nil:
		return nil, fail("vm not found: %s", name)
	case s.State != "running":
		return nil, fail(agentError+"connect: machine '%s' is not running. Use 'smolvm machine start --name %s' first.", name, name)
	}
	return s, 0
}

func (d *double) exec(p *parsed, kind string) int {
	if len(p.behind) == 0 {
		return usage("the following required arguments were not provided:\n  <COMMAND>...")
	}
	in, tty := p.on["-i"] || p.on["--interactive"], p.on["-t"] || p.on["--tty"]
	detach := p.on["-d"] || p.on["--detach"]
	if detach && (in || tty || p.on["--stream"]) {
		return usage("the argument '--detach' cannot be used with '--interactive'")
	}
	name := p.get("--name")
	if kind == "gone" {
		if s := d.get(name); s != nil && s.PID != nil {
			end(*s.PID)
		}
		_ = removeAll(d.machineDir(name))
	}
	s, code := d.needRunning(name)
	if s == nil {
		return code
	}
	switch kind {
	case "137":
		fmt.Print("part")
		return 137
	case "255":
		return 255
	case "empty": // the connection was cut
		return 0
	case "notrunning":
		return fail(agentError+"run command: the container `smolvm-%s` is not running", name)
	case "bare":
		fmt.Printf("%s\nlocalhost\n", nonceOf(p.behind))
		return 0
	case "dies":
		end(*s.PID)
		return 137
	}
	killed(kind)
	env := p.all("--env", "-e")
	if !hasVariable(env, "PATH") {
		env = append(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	}
	if tty && !hasVariable(env, "TERM") {
		env = append(env, "TERM=xterm-256color")
	}
	dir := p.get("--workdir", "-w")
	if dir == "" {
		dir = "/"
	}
	r := &request{Args: p.behind, Env: env, Dir: dir, TTY: tty, Detach: detach, KillWithCall: !in && !tty}
	return d.ask(s, r, in || tty)
}

func nonceOf(args []string) string {
	f := strings.Fields(strings.Join(args, " "))
	for i, w := range f {
		if w == "echo" && i+1 < len(f) {
			return strings.TrimSuffix(f[i+1], ";")
		}
	}
	return ""
}

func hasVariable(env []string, name string) bool {
	for _, kv := range env {
		if strings.HasPrefix(kv, name+"=") {
			return true
		}
	}
	return false
}

// ask passes a command to the agent and waits for its end.
func (d *double) ask(s *stored, r *request, in bool) int {
	c, err := dialAgent(d.machineDir(s.Name))
	if err != nil {
		return fail(agentError+"connect: %v", err)
	}
	defer c.Close()
	streams := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	if !in {
		if streams[0], err = os.Open(os.DevNull); err != nil {
			return fail("%v", err)
		}
	}
	var held [2]*os.File // a plain exec's output comes at its end
	if r.KillWithCall && !r.Detach {
		for i := range held {
			if held[i], err = os.CreateTemp(d.dir, "out"); err != nil {
				return fail("%v", err)
			}
			defer os.Remove(held[i].Name())
			streams[i+1] = held[i]
		}
	}
	if r.TTY {
		if restore := raw(c, r); restore != nil {
			defer restore()
		}
	}
	if err := sendRequest(c, r, streams); err != nil {
		return fail(agentError+"run command: %v", err)
	}
	var answer struct {
		Code  int
		Error string
	}
	if err := json.NewDecoder(c).Decode(&answer); err != nil {
		return 137 // the machine ended
	}
	for i, to := range []*os.File{os.Stdout, os.Stderr} {
		if held[i] != nil {
			_, _ = held[i].Seek(0, io.SeekStart)
			_, _ = io.Copy(to, io.LimitReader(held[i], outputCap))
		}
	}
	if answer.Error != "" {
		return fail("%s", answer.Error)
	}
	if r.Detach {
		fmt.Println(answer.Code)
		return 0
	}
	return answer.Code
}

// raw makes a terminal raw, and passes its size on.
func raw(c *net.UnixConn, r *request) (restore func()) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return nil
	}
	old, err := term.MakeRaw(fd)
	if err != nil {
		return nil
	}
	_ = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) // what was typed before is lost
	if w, h, err := term.GetSize(fd); err == nil {
		r.Cols, r.Rows = uint16(w), uint16(h)
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	go func() {
		for range resized {
			if w, h, err := term.GetSize(fd); err == nil {
				_ = json.NewEncoder(c).Encode(vm.WinSize{Rows: uint16(h), Cols: uint16(w)})
			}
		}
	}()
	return func() { _ = term.Restore(fd, old) }
}

// serve is the agent: so many connections at a time, and no more.
func (m *monitor) serve(l net.Listener) {
	for {
		m.slots <- struct{}{}
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = c.Close(); <-m.slots }()
			m.handle(c.(*net.UnixConn))
		}()
	}
}

func (m *monitor) handle(c *net.UnixConn) {
	var first [1]byte
	oob := make([]byte, unix.CmsgSpace(3*4))
	_, n, _, _, err := c.ReadMsgUnix(first[:], oob)
	if err != nil {
		return
	}
	var files []*os.File
	if list, err := unix.ParseSocketControlMessage(oob[:n]); err == nil && len(list) == 1 {
		if fds, err := unix.ParseUnixRights(&list[0]); err == nil {
			for _, fd := range fds {
				files = append(files, os.NewFile(uintptr(fd), "stream"))
			}
		}
	}
	dec := json.NewDecoder(io.LimitReader(c, maxRequest))
	var r request
	if err := dec.Decode(&r); err != nil {
		return
	}
	if r.Ping {
		m.vsock.Lock() // as for every answer
		defer m.vsock.Unlock()
		_, _ = c.Write([]byte{1})
		return
	}
	code, text := m.run(c, dec, &r, files)
	m.vsock.Lock()
	defer m.vsock.Unlock()
	_ = json.NewEncoder(c).Encode(map[string]any{"Code": code, "Error": text})
}

// run runs a command with nothing in its environment but what it was given.
func (m *monitor) run(c *net.UnixConn, dec *json.Decoder, r *request, files []*os.File) (int, string) {
	defer func() {
		for _, f := range files {
			_ = f.Close()
		}
	}()
	cmd := vm.Command{Args: append([]string{"/usr/bin/env", "-i"}, r.Env...), Dir: r.Dir}
	if len(r.Args) > 2 && r.Args[1] == "cover" {
		// Nobody mounts in a sandbox: that what is to be mounted is there must do.
		r.Args = append([]string{"/bin/sh", "-c", `for f; do test -f "$f" || exit 1; done`, "sh"}, r.Args[2:]...)
	}
	for _, a := range r.Args {
		cmd.Args = append(cmd.Args, strings.ReplaceAll(a, "/sys/class/net", sysNet))
	}
	if len(files) == 3 && !r.Detach {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = files[0], files[1], files[2]
	}
	if r.TTY {
		cmd.TTY, cmd.Stderr = &vm.WinSize{Rows: r.Rows, Cols: r.Cols}, nil
	}
	log, _ := json.Marshal(map[string]any{"message": "exec", "argv": r.Args})
	_ = appendTo(filepath.Join(m.dir, "agent-console.log"), string(log)+"\n")
	_ = os.WriteFile(m.host(resolvConf), []byte(resolvers), 0o644)
	p, err := m.m.Start(m.ctx, cmd)
	if err != nil {
		return 0, agentError + "run command: " + err.Error()
	}
	if r.Detach {
		return 4242, ""
	}
	ended := make(chan struct{})
	go func() {
		for {
			var size vm.WinSize
			if err := dec.Decode(&size); err != nil {
				break
			}
			_ = p.Resize(size)
		}
		select {
		case <-ended:
		default:
			if r.KillWithCall { // the call was killed
				_ = p.Signal(syscall.SIGKILL)
			}
		}
	}()
	code, err := p.Wait()
	close(ended)
	if err != nil {
		return 137, ""
	}
	return code, ""
}

// copy is machine cp.
func (d *double) copy(p *parsed, kind string) int {
	src, dst := p.words[0], p.words[1]
	from, fromPath, down := strings.Cut(src, ":")
	to, toPath, up := strings.Cut(dst, ":")
	switch {
	case !down && !up:
		return fail(configError + "cp: one of SRC or DST must use machine:path syntax (e.g., myvm:/path)")
	case down && (p.get("--mode") != "" || p.get("--uid") != "" || p.get("--gid") != ""):
		return fail(configError + "cp: --mode/--uid/--gid apply to uploads only (host -> machine)")
	}
	name := from
	if !down {
		name = to
	}
	s, code := d.needRunning(name)
	if s == nil {
		return code
	}
	if kind == "137" || kind == "255" {
		return fail(agentError + "copy: connection reset")
	}
	killed(kind)
	if down {
		return fail(agentError + "read file: the double copies in only: " + fromPath)
	}
	return d.upload(s, src, toPath, p)
}

// tmpfs are new at each start, and a file sent to one may miss the container.
var tmpfs = []string{"/tmp/", "/run/", "/dev/shm/"}

func (d *double) upload(s *stored, src, toPath string, p *parsed) int {
	for _, t := range tmpfs {
		if strings.HasPrefix(toPath, t) {
			d.violate("cp to "+t, p.words)
			return codeViolation
		}
	}
	mode := p.get("--mode")
	if mode == "" {
		mode = "644"
	} else if strings.Trim(mode, "01234567") != "" {
		return fail(configError+"cp: invalid octal mode '%s' (expected e.g. 644)", mode)
	}
	f, err := os.Open(src)
	if err != nil {
		return fail(agentError+"read local file: %s: %v", src, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return fail(agentError+"read local file: %s: Is a directory (os error 21)", src)
	}
	fmt.Fprintf(os.Stderr, "Uploading %s -> %s: %d / %d (100.0%%, 1.0 MB/s)\n", src, toPath, info.Size(), info.Size())
	script := `mkdir -p "${1%/*}" && cat >"$1.smol-tmp" && chmod "$2" "$1.smol-tmp" && mv "$1.smol-tmp" "$1"`
	os.Stdin = f
	r := &request{Args: []string{"/bin/sh", "-c", script, "cp", toPath, mode}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: "/"}
	return d.ask(s, r, true)
}

// Calls returns the calls that were made with a data folder.
func Calls(dir string) (list []Call, err error) {
	data, err := os.ReadFile(filepath.Join(dir, "calls.jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		var c Call
		if err := dec.Decode(&c); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
}

// Set writes the settings of a data folder, which it makes.
func Set(dir string, s Settings) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "settings.json"), data, 0o600)
}

// Violations returns what was done that must never be; "" for nothing.
func Violations(dir string) string {
	data, _ := os.ReadFile(filepath.Join(dir, "violations.txt"))
	return string(data)
}

// Running returns how many monitors of machines there are.
func Running(dir string) (n int) {
	list, _ := filepath.Glob(filepath.Join(dir, "machines", "*", "boot.pid"))
	for _, f := range list {
		if orphan(filepath.Dir(f)) > 0 {
			n++
		}
	}
	return n
}

// EndAll ends the monitors of all machines, for a test's end.
func EndAll(dir string) {
	list, _ := filepath.Glob(filepath.Join(dir, "machines", "*"))
	for _, m := range list {
		if pid := orphan(m); pid > 0 {
			end(pid)
		}
	}
}
