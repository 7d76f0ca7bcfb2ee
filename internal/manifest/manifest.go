// Package manifest reads bottle.yaml: what runs in a bottle, what it reaches,
// what it sees of the host, and which credentials are used for it.
//
// Load reads the manifest files and nothing that they name, so it may be called
// on a project that nobody has looked at. Its mistakes are all reported at once,
// each with its place (Errors). What a project's manifest names (files, folders,
// commands) is looked at by Check, which asks the Trust store first.
//
// Levels, from the highest: flags, environment variables BOTTLE_*, the project's
// file, the user's file ($XDG_CONFIG_HOME/bottle/config.yaml). Maps merge by
// key, lists and scalars replace; routes and dlp.allow of all levels apply
// together, the higher level's first; a secret's from and inject, and
// upstream_proxy, are replaced as a whole. A variant (bottles.NAME, merged over
// the levels itself) lies over both files, below environment and flags.
package manifest

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/proxy"
)

// Manifest is what all levels together say, checked and with its defaults. It
// is not changed once it is loaded.
type Manifest struct {
	// Name is the variant's, or the agent's that was asked for; "" otherwise.
	Name string
	// Variants are the names under bottles, as they stand there.
	Variants []string
	Agent    string // claude, codex or generic
	Backend  string // auto, sandbox or smolvm
	// Image is the file system of a virtual machine: an absolute path, or a
	// reference of a registry; "" is the default.
	Image string

	// Workspace is the folder that the agent works on.
	Workspace string
	// WorkspaceMode is WorkspaceCopy or WorkspaceMount.
	WorkspaceMode string
	Mounts        []Mount
	Resources     Resources
	Env           map[string]string
	GitUser       GitUser
	// Capture says that the connections of programs that know no proxy are taken to
	// it.
	Capture bool
	// HostServices are among the routes.
	HostServices []HostService
	// Ports are those that lead into the bottle.
	Ports []Port
	// Supervise says that the agent is told what it may do, and may ask for more.
	Supervise bool
	// Prompt is a file with instructions for the agent, "" for none; Skills are
	// folders.
	Prompt string
	Skills []string
	// Budgets bound what the bottle sends and uses.
	Budgets proxy.Budgets
	// Notify says what the desktop is told of.
	Notify Notify
	// RecordBodies says that the bodies of HTTP exchanges are kept with the journal.
	RecordBodies bool
	// Metrics is the loopback address of the metrics; "" for none.
	Metrics string
	// Use names the presets whose routes are among those of Egress.
	Use []string
	// ForwardHostSettings says that harmless settings of the agent's client on this host
	// are taken over.
	ForwardHostSettings bool
	// ForwardHostCredentials says that the agent's login of this host is used; the
	// secret and the routes for that are among Secrets and Egress.
	ForwardHostCredentials bool

	Egress Egress
	DLP    dlp.Policy
	Scan   Scan
	// Git are the hosts of the git gate, sorted by name.
	Git []GitHost
	// Secrets are sorted by name.
	Secrets []SecretDecl

	// Project is the project's manifest file; nil when there is none.
	Project *File
	// base is the manifest without what was granted while it was in force; nil is this
	// one.
	base *Manifest
	// Overlooked says what was probably meant to be the project's manifest and is
	// not, such as a bottle.yml, where there is no project.
	Overlooked string
	// UserOverlooked is the same for the user's file.
	UserOverlooked string
	// User is the user's file; nil when there is none.
	User *File
	// Dir is the folder of the project's file, or the working directory.
	Dir string

	root *node // for the places of mistakes that Check finds
}

// Scan is what the scanner looks for beside formats and secrets.
type Scan struct {
	Custom []dlp.CustomRule
	// Known are files, by their absolute path; KnownValues reads them.
	Known []string
	// Canaries are names of environment variables.
	Canaries []string
}

// The workspace modes.
const (
	WorkspaceCopy  = "copy"
	WorkspaceMount = "mount"
)

// Mount shows a file or folder of the host in the bottle.
type Mount struct {
	Path string // absolute, on the host
	// At is absolute, or "~" or "~/…" for a place below the agent's home.
	At       string
	Writable bool
}

// HostService is a TCP service of the host's 127.0.0.1, at the same port of a name.
type HostService struct {
	Name string
	Port int
}

// Resources bound a bottle; zero is no limit.
type Resources struct {
	Memory int64 // bytes
	CPUs   float64
	PIDs   int
	Disk   int64 // bytes, of a virtual machine; zero is its default
}

// Egress is what the bottle reaches.
type Egress struct {
	Default    proxy.Action
	AskTimeout time.Duration
	// Routes are in the order in which they are tried, each with its Source.
	Routes []proxy.Route
	// Policy is compiled from Default and Routes.
	Policy *proxy.Policy
	// UpstreamCA are PEM files.
	UpstreamCA    []string
	UpstreamProxy *UpstreamProxyDecl // nil for none
}

// UpstreamProxyDecl is a proxy between this host and the upstreams.
type UpstreamProxyDecl struct {
	URL    *url.URL // http or https, a host, nothing else
	User   string
	Secret string // name of the password; set when User is
}

// SecretDecl declares a credential of the host.
type SecretDecl struct {
	Name   string
	Source secret.Source
	Inject proxy.Inject
	// Used says that a route, a git host or the upstream proxy names it. One that is not
	// used need not have a value.
	Used bool
	// Declared is where, as "bottle.yaml:LINE".
	Declared string
}

// File is a manifest file that was read.
type File struct {
	Path string `json:"path"` // absolute, symbolic links resolved
	Hash string `json:"hash"` // what Trust goes by: of its path and content
}

// Secret returns the declaration of that name, or nil.
func (m *Manifest) Secret(name string) *SecretDecl {
	i, ok := slices.BinarySearchFunc(m.Secrets, name, func(s SecretDecl, name string) int { return strings.Compare(s.Name, name) })
	if !ok {
		return nil
	}
	return &m.Secrets[i]
}
