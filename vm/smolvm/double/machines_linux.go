package double

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// record is a machine, with the keys of ls --json that a test may look at.
type record struct {
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels"`
	Image   string            `json:"image"`
	CPUs    int               `json:"cpus"`
	Memory  int               `json:"memory_mib"`
	Mounts  int               `json:"mounts"`
	State   string            `json:"state"`
	PID     *int              `json:"pid"`
	Network bool              `json:"network"`
	Created int64             `json:"created_at"`

	Cmd []string `json:"cmd"`
}

// stored is a record in its file.
type stored struct {
	record
	Volumes []string
	Sockets []string
	Bad     string // why a start fails
}

func (d *double) machineDir(name string) string { return d.path("machines/" + name) }

func (d *double) get(name string) *stored {
	data, err := os.ReadFile(filepath.Join(d.machineDir(name), "record.json"))
	if err != nil {
		return nil
	}
	var s stored
	if json.Unmarshal(data, &s) != nil {
		return nil
	}
	if s.State == "running" && (s.PID == nil || !alive(*s.PID)) {
		s.State, s.PID = "stopped", nil
	}
	return &s
}

func (d *double) put(s *stored) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	file := filepath.Join(d.machineDir(s.Name), "record.json")
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

const (
	configError  = "config operation failed: "
	agentError   = "agent operation failed: "
	storageError = "mount operation failed: "
)

// checkCreate are the checks of create in smolvm's order.
func (d *double) checkCreate(p *parsed) (*stored, string) {
	s := &stored{record: record{Name: p.get("--name", "-n"), Labels: map[string]string{}, State: "created", CPUs: 4, Memory: 8192, Created: time.Now().Unix(), Cmd: p.behind}}
	image := p.get("--image", "-I")
	if text := s.checkImage(image); text != "" {
		return nil, text
	}
	seen := map[string]bool{}
	for _, m := range p.all("--mount-socket") {
		host, guest, ok := strings.Cut(m, ":")
		switch {
		case !ok:
			return nil, configError + "mount-socket: expected HOST_PATH:GUEST_PATH, got '" + m + "'"
		case host == "" || guest == "":
			return nil, configError + "mount-socket: both HOST_PATH and GUEST_PATH are required in '" + m + "'"
		case !strings.HasPrefix(guest, "/"):
			return nil, configError + "publish-socket: guest path '" + guest + "' must be absolute"
		case seen[guest]:
			return nil, configError + "mount-socket: guest path '" + guest + "' is mounted more than once"
		case len(host) > 100:
			return nil, configError + "mount-socket: host path is too long"
		}
		seen[guest] = true
		s.Sockets = append(s.Sockets, m)
	}
	if text := s.checkSizes(p); text != "" {
		return nil, text
	}
	if text := checkName(s.Name); text != "" {
		return nil, configError + "create machine: machine name" + text
	}
	for _, l := range p.all("--label") {
		k, v, ok := strings.Cut(l, "=")
		if !ok {
			return nil, configError + "--label: expected KEY=VALUE, got '" + l + "'"
		}
		if k == "" {
			return nil, configError + "--label: label key cannot be empty (in '" + l + "')"
		}
		s.Labels[k] = v
	}
	for _, v := range p.all("--volume", "-v") {
		if text := s.addVolume(v); text != "" {
			return nil, text
		}
	}
	if d.get(s.Name) != nil {
		return nil, configError + "create machine: machine '" + s.Name + "' already exists or is being created"
	}
	return s, ""
}

func checkName(name string) string {
	switch {
	case name == "":
		return " cannot be empty"
	case len(name) > 117:
		return fmt.Sprintf(" too long: %d characters (max 117)", len(name))
	case strings.HasSuffix(name, "-"):
		return fmt.Sprintf(" cannot end with a hyphen (got: %q)", name)
	case strings.Contains(name, "--"):
		return " cannot contain consecutive hyphens"
	case !namePattern.MatchString(name):
		return fmt.Sprintf(" must start with a letter or digit (got: %q)", name)
	}
	return ""
}

func (s *stored) checkImage(image string) string {
	if image == "" || !strings.HasPrefix(image, "/") {
		return configError + "create machine: image '" + image + "' must be pulled from a registry, but this machine has no network, so the pull can never succeed. Add --net ("
	}
	info, err := os.Stat(image)
	switch {
	case err != nil:
		return configError + "--image: cannot read archive " + image + ": " + err.Error()
	case info.IsDir():
		s.Image = "local-dir:" + image
	case !info.Mode().IsRegular():
		return configError + "--image: " + image + " is not a file"
	default:
		s.Image = "local:" + strings.Repeat("0", 64)
		s.Bad = archiveFault(image)
	}
	return ""
}

func (s *stored) checkSizes(p *parsed) string {
	for flag, to := range map[string]*int{"--cpus": &s.CPUs, "--mem": &s.Memory} {
		if v := p.get(flag); v != "" {
			*to, _ = strconv.Atoi(v)
		}
	}
	switch {
	case s.CPUs < 1:
		return configError + "validate resources: CPU count must be at least 1"
	case s.Memory < 64:
		return fmt.Sprintf(configError+"validate resources: memory must be at least 64 MiB (got %d MiB)", s.Memory)
	}
	return ""
}

// protected may not be shared.
var protected = []string{"/etc", "/boot", "/usr", "/bin", "/sbin", "/lib", "/proc", "/sys", "/dev", "/run", "/var/run", "/var/log"}

func (s *stored) addVolume(v string) string {
	spec := v
	for _, mode := range []string{":ro", ":rw"} {
		spec = strings.TrimSuffix(spec, mode)
	}
	i := strings.LastIndex(spec, ":")
	if i <= 0 {
		return "invalid mount path: invalid format '" + v + "' (expected host:guest[:ro|:rw])"
	}
	host, guest := spec[:i], spec[i+1:]
	info, err := os.Stat(host)
	switch {
	case err != nil:
		return "mount source not found: " + host
	case !info.IsDir():
		return storageError + "validate host path: source path on host must be a directory (virtiofs limitation): " + host
	case !strings.HasPrefix(guest, "/"):
		return storageError + "validate guest path: target path on guest should be an absolute directory: " + guest
	}
	for _, p := range protected {
		if host == p || strings.HasPrefix(host, p+"/") || host == "/" || host == "/var" {
			return storageError + "validate host path: source path on host is a protected system path and cannot be mounted: " + host
		}
	}
	s.Volumes = append(s.Volumes, v)
	s.Mounts++
	return ""
}

func (d *double) create(p *parsed, kind string) int {
	for _, a := range p.behind {
		if a == "--mem" || a == "--name" || a == "--image" {
			fmt.Fprintf(os.Stderr, "note: %s came after `--`, so it was passed to the workload and did not configure the machine. Machine options go before `--`.\n", a)
		}
	}
	s, text := d.checkCreate(p)
	if text != "" {
		return fail("%s", text)
	}
	if err := os.MkdirAll(d.machineDir(s.Name), 0o755); err != nil {
		return fail("%v", err)
	}
	if err := d.put(s); err != nil {
		return fail("%v", err)
	}
	fmt.Printf("Created machine: %s\n  CPUs: %d, Memory: %d MiB\n", s.Name, s.CPUs, s.Memory)
	if s.Mounts > 0 {
		fmt.Printf("  Mounts: %d\n", s.Mounts)
	}
	fmt.Printf("\nUse 'smolvm machine start --name %s' to start the machine\nThen use 'smolvm machine exec --name %s -- <command>' to run commands\n", s.Name, s.Name)
	return killed(kind)
}

func (d *double) dataDir(p *parsed, _ string) int {
	fmt.Println(d.machineDir(p.get("--name", "-n")))
	return 0
}

func (d *double) update(p *parsed, _ string) int {
	s := d.get(p.get("--name", "-n"))
	switch {
	case s == nil:
		return fail(configError+"update: machine '%s' not found", p.get("--name", "-n"))
	case s.State == "running":
		return fail("invalid vm state: expected stopped, got Running")
	}
	fmt.Println("No changes specified.")
	return 0
}

func (d *double) status(p *parsed, _ string) int {
	name := p.get("--name", "-n")
	s := d.get(name)
	switch {
	case s == nil && p.on["--json"]:
		return fail(configError+"machine status: machine '%s' not found", name)
	case s == nil:
		return fail("vm not found: %s", name)
	case p.on["--json"]:
		return printJSON(s.record)
	case s.State == "running":
		fmt.Printf("Machine '%s': running (PID: %d)\n", name, *s.PID)
	default:
		fmt.Printf("Machine '%s': stopped\n", name)
	}
	return 0
}

func (d *double) list(p *parsed, kind string) int {
	entries, err := os.ReadDir(d.path("machines"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail("%v", err)
	}
	list := []record{}
	for _, e := range entries {
		s := d.get(e.Name())
		if s == nil {
			continue
		}
		if s.State == "running" && (kind == "unreachable" || !reachable(d.machineDir(s.Name))) {
			s.State = "unreachable"
		}
		list = append(list, s.record)
	}
	if p.on["--json"] {
		return printJSON(list)
	}
	if len(list) == 0 {
		fmt.Println("No machines found")
	}
	for _, r := range list {
		fmt.Printf("%.18s %s\n", r.Name, r.State)
	}
	return killed(kind)
}

// nulls are the other keys, which drivers ignore.
var nulls = []string{
	"cuda_fork_pool_size", "cuda_vram_limit_mib", "gpu_vram_mib", "health_cmd", "health_interval_secs", "health_retries", "health_startup_grace_secs",
	"health_timeout_secs", "overlay_gb", "storage_gb",
}

// printJSON prints with all keys, which are sorted.
func printJSON(v any) int {
	data, err := json.Marshal(v)
	if err != nil {
		return fail("%v", err)
	}
	var list []map[string]any
	if single := json.Unmarshal(data, &list) != nil; single {
		list = make([]map[string]any, 1)
		if err := json.Unmarshal(data, &list[0]); err != nil {
			return fail("%v", err)
		}
	}
	for _, m := range list {
		for _, k := range nulls {
			m[k] = nil
		}
		for k, v := range map[string]any{"cuda": false, "gpu": false, "ephemeral": false, "forkable": false, "forkpoint_held": false,
			"entrypoint": []string{}, "ports": 0, "restart_count": 0, "restart_max_retries": 0, "restart_policy": "never"} {
			m[k] = v
		}
	}
	var out any = list
	if !strings.HasPrefix(string(data), "[") {
		out = list[0]
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		return fail("%v", err)
	}
	return 0
}

func (d *double) stop(p *parsed, kind string) int {
	name := p.get("--name", "-n")
	s := d.get(name)
	if s == nil {
		return fail("vm not found: %s", name)
	}
	if s.State != "running" {
		if pid := orphan(d.machineDir(name)); pid > 0 {
			fmt.Fprintf(os.Stderr, "Killing orphaned _boot-vm process (PID %d) for machine '%s'\n", pid, name)
			end(pid)
		}
		fmt.Printf("Machine '%s' is not running (state: %s)\n", name, s.State)
		return killed(kind)
	}
	fmt.Printf("Stopping machine '%s'...\n", name)
	if kind == "kill" {
		return killed(kind)
	}
	end(*s.PID)
	s.State, s.PID = "stopped", nil
	if err := d.put(s); err != nil {
		return fail("%v", err)
	}
	fmt.Printf("Stopped machine: %s\n", name)
	return 0
}

func (d *double) remove(p *parsed, kind string) int {
	name := p.get("--name", "-n")
	s := d.get(name)
	if s == nil {
		return fail("vm not found: %s", name)
	}
	if s.State == "running" {
		fmt.Printf("Stopping machine '%s'...\n", name)
		end(*s.PID)
		s.State, s.PID = "stopped", nil
		if err := d.put(s); err != nil {
			return fail("%v", err)
		}
	}
	if kind == "kill" {
		return killed(kind)
	}
	if !p.on["-f"] && !p.on["--force"] {
		fmt.Fprintf(os.Stderr, "Delete machine '%s'? [y/N] ", name)
		var answer [1]byte
		if n, _ := io.ReadFull(os.Stdin, answer[:]); n == 0 || !slices.Contains([]string{"y", "Y"}, string(answer[:])) {
			fmt.Println("Cancelled")
			return 0
		}
	}
	if kind == "cancelled" {
		fmt.Println("Cancelled")
		return 0
	}
	fmt.Printf("Cleaning up data directory for vm: %s\n", name)
	if err := removeAll(d.machineDir(name)); err != nil {
		return fail("%v", err)
	}
	fmt.Printf("Deleted machine: %s\n", name)
	return 0
}
