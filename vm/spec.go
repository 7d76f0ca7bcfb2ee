package vm

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The defaults of a Spec.
const (
	DefaultHostname = "bottle"
	DefaultUser     = "agent"
	DefaultHome     = "/home/agent"
	DefaultShell    = "/bin/sh"
	DefaultPath     = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// Spec is what a machine is made from. The zero value but for ID is a machine
// with the host's programs, an empty home that is lost at the end, and no
// limits.
type Spec struct {
	// ID names the machine: up to 63 lower-case letters, digits and inner
	// hyphens.
	ID       string
	Hostname string
	User     User

	// Mounts are all that the machine sees of the host's files, apart from
	// the programs that the backend provides. A mount lies over those whose
	// target it is below.
	Mounts []Mount
	// Links are symbolic links to make, after the mounts.
	Links []Link
	// Hosts are names that the machine resolves without asking anybody.
	Hosts []Host

	// Env is the environment of every command, over the few variables that a
	// program cannot do without: see Environ. It is no place for secrets.
	Env map[string]string

	Resources Resources

	// Local are addresses that the machine takes for its own, whoever they belong
	// to outside: what is connected to there arrives inside, at a listener of
	// Network's. A backend that cannot do that ignores them; they lead nowhere then.
	Local []netip.Prefix
	// Capture has a Keeper take the connections of programs that know no proxy to it;
	// nil is none. Other backends ignore it: their machines are a Network, in which
	// package relay does the same.
	Capture *Capture
	// Image is the file system of the machine, for a Keeper: the absolute path of
	// a docker-save archive or of an unpacked root folder.
	Image string
	// Dir is a folder of the host for what the machine needs there while it is,
	// such as sockets, for a Keeper. It is private and its path is short.
	Dir string
	// CA are the certificates, in PEM, that a Keeper's machine trusts besides its
	// image's own.
	CA []byte
	// Progress is told what takes long; nil is silent.
	Progress func(string)

	// Ports are those that Listen will be asked for, for backends that must
	// know them early.
	Ports []int
}

// Capture is what a machine does about connections to addresses that are its own by
// Spec.Local: see package relay.
type Capture struct {
	// Port is that of the proxy, one of Spec.Ports.
	Port int
	// All takes all names and addresses, else only Services are.
	All bool
	// Services are ports of names that have an address from the start.
	Services []Service
	// Answer bounds how long the proxy may take to answer for a connection.
	Answer time.Duration
	// Further returns the ports that are taken for a host beside 80 and 443. It is
	// asked concurrently, by whatever runs in the machine.
	Further func(host string) []int
}

// Service is a port of a name.
type Service struct {
	Name string
	Addr netip.AddrPort
}

// User is who commands run as.
type User struct {
	Name  string // "" means DefaultUser
	Home  string // "" means DefaultHome
	Shell string // "" means what the machine has: bash, else DefaultShell
}

// Mount shows a file or folder of the host in the machine.
type Mount struct {
	// Source is an absolute path on the host. No part of it may be a symbolic
	// link, so that what is mounted is what was looked at when the path was
	// decided on: resolve the path when its user confirms it.
	Source string `json:"source"`
	// Target is an absolute path in the machine; "" means Source.
	Target   string `json:"target"`
	ReadOnly bool   `json:"read_only"`
	// Shared is for files that people go on using on the host. Where the agent
	// acts as another user than theirs (a sandbox of root's), what the owner of
	// Source has is the agent's inside, and what the agent makes is that
	// owner's outside. A file system that cannot do that is an error.
	Shared bool `json:"shared,omitempty"`
}

// Link is a symbolic link at Path. It replaces another link, nothing else.
type Link struct{ Path, Target string }

// Host maps names to an address, as a line of hosts(5).
type Host struct {
	Addr  string
	Names []string
}

// Resources bound a machine. Zero means no limit.
type Resources struct {
	Memory int64   // bytes
	CPUs   float64 // of one CPU's time
	PIDs   int     // processes and threads
	// Disk is what a Keeper's machine may store, and the most that is brought out of
	// it, in bytes; zero is the backend's default.
	Disk int64
}

var (
	idPattern   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	hostPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$`)
	userPattern = regexp.MustCompile(`^[a-z_][a-z0-9_.-]{0,31}$`)
	addrPattern = regexp.MustCompile(`^[0-9a-fA-F.:]+$`)
	namePattern = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})$`)
)

// Defaults returns a copy with the defaults filled in and the paths cleaned,
// its mounts ordered so that a target comes after those that it lies below.
// The error joins everything that is wrong with the Spec.
func (s Spec) Defaults() (Spec, error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	setDefault(&s.Hostname, DefaultHostname)
	setDefault(&s.User.Name, DefaultUser)
	setDefault(&s.User.Home, DefaultHome)
	for _, c := range []struct {
		what, value string
		pattern     *regexp.Regexp
		accepted    string
	}{
		{"id", s.ID, idPattern, "up to 63 lower-case letters, digits and inner hyphens"},
		{"hostname", s.Hostname, hostPattern, "a host name of at most 63 characters"},
		{"user name", s.User.Name, userPattern, "a name of at most 32 lower-case letters, digits, dots, hyphens and underscores"},
	} {
		if !c.pattern.MatchString(c.value) {
			bad("%s %q: want %s", c.what, c.value, c.accepted)
		}
	}
	if s.User.Name == "root" || s.User.Name == "nobody" {
		bad("user name %q: it stands for another user in every machine", s.User.Name)
	}
	for _, p := range []*string{&s.User.Home, &s.User.Shell} { // both go into passwd(5)
		if *p == "" {
			continue
		}
		if err := cleanPath(p); err != nil {
			bad("user %s: %w", s.User.Name, err)
		} else if strings.ContainsAny(*p, ":\n") || *p == "/" {
			bad("user %s: %q cannot be a home or a shell", s.User.Name, *p)
		}
	}
	s.Mounts = slices.Clone(s.Mounts)
	s.Links = slices.Clone(s.Links)
	errs = append(errs, s.checkPaths()...)
	for _, h := range s.Hosts {
		if !addrPattern.MatchString(h.Addr) {
			bad("host %q: not an IP address", h.Addr)
		}
		for _, n := range h.Names {
			if !namePattern.MatchString(n) {
				bad("host %s: %q is not a host name", h.Addr, n)
			}
		}
	}
	for _, p := range s.Ports {
		if p < 0 || p > 65535 {
			bad("port %d: want 0 to 65535", p)
		}
	}
	for _, p := range s.Local {
		if !p.IsValid() || p != p.Masked() {
			bad("local addresses %v: want a network, such as 198.18.0.0/15", p)
		}
	}
	errs = append(errs, checkEnv(s.Env), s.Resources.check())
	return s, errors.Join(errs...)
}

// checkPaths cleans and orders mounts and links.
func (s *Spec) checkPaths() []error {
	var errs []error
	seen := map[string]bool{}
	for i := range s.Mounts {
		m := &s.Mounts[i]
		setDefault(&m.Target, m.Source)
		if err := errors.Join(cleanPath(&m.Source), cleanPath(&m.Target)); err != nil {
			errs = append(errs, fmt.Errorf("mount %q at %q: %w", m.Source, m.Target, err))
			continue
		}
		switch {
		case m.Target == "/":
			errs = append(errs, fmt.Errorf("mount %q: a machine's / cannot be mounted over", m.Source))
		case seen[m.Target]:
			errs = append(errs, fmt.Errorf("mount %q: another mount has the target %q too", m.Source, m.Target))
		}
		seen[m.Target] = true
	}
	slices.SortStableFunc(s.Mounts, func(a, b Mount) int { return strings.Compare(a.Target, b.Target) })
	for i := range s.Links {
		l := &s.Links[i]
		if err := cleanPath(&l.Path); err != nil {
			errs = append(errs, fmt.Errorf("link %q: %w", l.Path, err))
		}
		if l.Target == "" || strings.ContainsRune(l.Target, 0) {
			errs = append(errs, fmt.Errorf("link %q: its target %q is no path", l.Path, l.Target))
		}
	}
	return errs
}

// check refuses numbers that mean nothing.
func (r Resources) check() error {
	var errs []error
	if r.Memory < 0 || r.Memory > 0 && r.Memory < MinMemory {
		errs = append(errs, fmt.Errorf("memory of %d bytes: want at least %d, or 0 for no limit", r.Memory, int64(MinMemory)))
	}
	if !(r.CPUs >= 0 && r.CPUs <= maxCPUs) || r.CPUs > 0 && r.CPUs < MinCPUs { // the first also catches NaN
		errs = append(errs, fmt.Errorf("%g cpus: want %g to %d, or 0 for no limit", r.CPUs, MinCPUs, maxCPUs))
	}
	if r.PIDs < 0 || r.PIDs > 0 && r.PIDs < MinPIDs {
		errs = append(errs, fmt.Errorf("%d pids: want at least %d, or 0 for no limit", r.PIDs, MinPIDs))
	}
	if r.Disk < 0 || r.Disk > 0 && r.Disk < MinDisk {
		errs = append(errs, fmt.Errorf("a disk of %d bytes: want at least %d, or 0 for the default", r.Disk, int64(MinDisk)))
	}
	return errors.Join(errs...)
}

// The smallest limits with which a machine can start.
const (
	MinMemory = 64 << 20 // bytes
	MinCPUs   = 0.01
	MinPIDs   = 16
	MinDisk   = 1 << 30 // bytes

	maxCPUs = 1 << 20
)

// Environ returns the environment of a command as "name=value", sorted: PATH,
// HOME, USER, LOGNAME, SHELL and LANG, then the Spec's Env, then the
// command's. TERM and TZ are the caller's to give.
func (s *Spec) Environ(cmd *Command) []string {
	shell := s.User.Shell
	setDefault(&shell, DefaultShell)
	env := map[string]string{
		"PATH": DefaultPath, "HOME": s.User.Home, "USER": s.User.Name, "LOGNAME": s.User.Name,
		"SHELL": shell, "LANG": "C.UTF-8",
	}
	maps.Copy(env, s.Env)
	maps.Copy(env, cmd.Env)
	list := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		list = append(list, k+"="+env[k])
	}
	return list
}

// OneOutput says whether Stdout and Stderr are the same writer. Writers of a type
// that cannot be compared are not.
func (c *Command) OneOutput() bool {
	defer func() { _ = recover() }()
	return c.Stderr != nil && c.Stdout == c.Stderr
}

// Check refuses a command that no backend can run.
func (c *Command) Check() error {
	switch {
	case len(c.Args) == 0 || c.Args[0] == "":
		return errors.New("a command needs a program")
	case c.TTY != nil && c.Stderr != nil:
		return errors.New("a command with a terminal has no stderr of its own: leave Stderr nil")
	case c.Dir != "" && !path.IsAbs(c.Dir):
		return fmt.Errorf("working directory %q: not an absolute path", c.Dir)
	}
	for i, s := range append([]string{c.Dir}, c.Args...) {
		if strings.ContainsRune(s, 0) {
			return fmt.Errorf("argument %d, or the working directory, has a NUL byte in it", i)
		}
	}
	return checkEnv(c.Env)
}

func checkEnv(env map[string]string) error {
	var errs []error
	for _, k := range slices.Sorted(maps.Keys(env)) {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.ContainsRune(env[k], 0) {
			errs = append(errs, fmt.Errorf("environment variable %q: its name is empty or has = in it, or there is a NUL byte", k))
		}
	}
	return errors.Join(errs...)
}

func cleanPath(p *string) error {
	if !path.IsAbs(*p) || strings.ContainsRune(*p, 0) {
		return fmt.Errorf("%q is not an absolute path", *p)
	}
	*p = path.Clean(*p)
	return nil
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}
