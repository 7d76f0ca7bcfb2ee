// Package gitgate stands between git clients and the servers that they clone from
// and push to. A client holds no credential and knows no server: the gate adds the
// credential, lets a client reach the repositories that it was given, and reads
// what is pushed before it goes on.
//
// It is a pass-through and no mirror: a clone costs what a direct one does, in all
// protocol versions, shallow and partial. What it understands of git's protocol is
// what it has to judge, and that is written anew for the server, never copied: see
// package pktline.
//
// What pushes take is bounded: of all of a Gate together 1.25 GiB of memory and 16
// files in Options.TempDir at a time, for which others wait while their clients hear
// so, and of each what the limits of its repository and of package pack say.
//
// A Gate is a proxy.Gate. With a proxy.Server around it, git is subject to the same
// policy about findings, the same scanner and the same journal as all else that an
// agent sends, whether it comes to the proxy or, through a Front, to a listener for
// git alone.
package gitgate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/bot-bottle/bottle/gitgate/policy"
	"github.com/bot-bottle/bottle/proxy"
)

// Options of New.
type Options struct {
	Hosts []Host
	// Agent is what servers are told of who pushes, such as "bottle/1.0"; "" is
	// "bottle".
	Agent string
	// TempDir is where packs are spooled, as unlinked files; "" is the system's.
	TempDir string
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Progress is how often a client that waits for the decision on its push hears
	// that it is worked on; 0 is 5 seconds.
	Progress time.Duration
}

// Host is a server as clients name it, with the repositories on it that they are
// given.
type Host struct {
	// Name is canonical (proxy.CanonicalHost).
	Name string
	// URL is where the server is: https://HOST/BASE or ssh://USER@HOST:PORT/BASE.
	// nil is https://NAME/. With http the credential goes in clear, which New
	// accepts for loopback addresses only.
	URL *url.URL
	// Private lets the server have a loopback or private address.
	Private bool
	// Auth is the credential of an https server; nil is none.
	Auth Auth
	// SSH is how to log in to an ssh server.
	SSH *SSHAuth
	// Repos are matched exactly: what is not among them is refused.
	Repos []Repo
}

// Repo is a repository that clients are given, to read.
type Repo struct {
	// Path is below the host, such as org/repo. Clients may put ".git" behind it.
	Path string
	// Push says what may be pushed; nil is nothing.
	Push *Push
}

// Auth makes the credential of requests to an https server.
type Auth interface {
	// Authorization returns the value of the header Authorization. It is called
	// for each request, from many goroutines, and should cache. rt leads to the
	// server's own network.
	Authorization(ctx context.Context, rt http.RoundTripper) (string, error)
}

// Gate is a proxy.Gate. All methods are safe for concurrent use.
type Gate struct {
	opt   Options
	hosts map[string]*host
	lfs   *tickets
	// spools are places for what is kept in TempDir: see maxSpools.
	spools *semaphore.Weighted
	// requests are places for long requests: see maxLongRequests.
	requests *semaphore.Weighted
	// large is the turn of a push that needs much memory: see largePushes.
	large *semaphore.Weighted
}

// maxSpools bounds the pushes and LFS objects that are kept in files at a time, each
// as large as its repository's limits allow. Further ones wait for their turn.
const maxSpools = 16

// maxLongRequests bounds the requests of more than shortRequest that are in memory at a
// time, each some times as large as maxFetchRequest. Further ones wait for their turn.
const (
	maxLongRequests = 8
	shortRequest    = 64 << 10
)

// host is a Host made ready.
type host struct {
	Host
	repos    map[string]*repo
	upstream upstream
}

// New checks the options.
func New(opt Options) (*Gate, error) {
	if opt.Agent == "" {
		opt.Agent = "bottle"
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Progress == 0 {
		opt.Progress = 5 * time.Second
	}
	g := &Gate{opt: opt, hosts: map[string]*host{}, lfs: newTickets(opt.Now), spools: semaphore.NewWeighted(maxSpools), requests: semaphore.NewWeighted(maxLongRequests), large: semaphore.NewWeighted(1)}
	for _, h := range opt.Hosts {
		made, err := g.newHost(h)
		if err != nil {
			return nil, fmt.Errorf("git host %s: %w", h.Name, err)
		}
		if g.hosts[h.Name] != nil {
			return nil, fmt.Errorf("git host %s is there twice", h.Name)
		}
		g.hosts[h.Name] = made
	}
	return g, nil
}

func (g *Gate) newHost(h Host) (*host, error) {
	if canonical, err := proxy.CanonicalHost(h.Name); err != nil || canonical != h.Name {
		return nil, errors.New("the name is not one of a host in canonical form")
	}
	if h.URL == nil {
		h.URL = &url.URL{Scheme: "https", Host: h.Name}
	}
	if err := CheckURL(h.URL); err != nil {
		return nil, err
	}
	made := &host{Host: h, repos: map[string]*repo{}}
	for _, r := range h.Repos {
		name := strings.TrimSuffix(r.Path, ".git")
		if made.repos[name] != nil {
			return nil, fmt.Errorf("repository %s is there twice", name)
		}
		ready, err := newRepo(r)
		if err != nil {
			return nil, fmt.Errorf("repository %q: %w", r.Path, err)
		}
		made.repos[name] = ready
	}
	if h.URL.Scheme == "ssh" {
		if h.SSH == nil {
			return nil, errors.New("an ssh server needs a key and known hosts")
		}
		made.upstream = newSSHUpstream(&made.Host)
	} else {
		made.upstream = &httpUpstream{host: &made.Host}
	}
	return made, nil
}

// repo is a Repo made ready.
type repo struct {
	Repo
	policy *policy.Policy // nil if nothing may be pushed
}

func newRepo(r Repo) (*repo, error) {
	if err := CheckRepoPath(r.Path); err != nil {
		return nil, err
	}
	ready := &repo{Repo: r}
	if r.Push == nil {
		return ready, nil
	}
	var err error
	ready.policy, err = policy.New(r.Push.Rules)
	return ready, err
}

// Only returns a gate for what keep leaves of the repositories. It shares the
// connections of g.
func (g *Gate) Only(keep func(host string, r Repo) (Repo, bool)) *Gate {
	out := &Gate{opt: g.opt, hosts: map[string]*host{}, lfs: g.lfs, spools: g.spools, requests: g.requests, large: g.large}
	for name, h := range g.hosts {
		less := *h
		less.repos = map[string]*repo{}
		for key, r := range h.repos {
			if kept, ok := keep(name, r.Repo); ok {
				less.repos[key] = &repo{Repo: kept, policy: r.policy}
			}
		}
		out.hosts[name] = &less
	}
	return out
}

// With returns a gate that has a repository in the place of what a host had of it, or
// beside its others. It shares the connections of g.
func (g *Gate) With(name string, r Repo) (*Gate, error) {
	h := g.hosts[name]
	if h == nil {
		return nil, fmt.Errorf("git host %s is not there", name)
	}
	ready, err := newRepo(r)
	if err != nil {
		return nil, fmt.Errorf("repository %q: %w", r.Path, err)
	}
	out := *g
	out.hosts = maps.Clone(g.hosts)
	more := *h
	more.repos = maps.Clone(h.repos)
	more.repos[strings.TrimSuffix(r.Path, ".git")] = ready
	out.hosts[name] = &more
	return &out, nil
}

// CheckURL returns why a URL cannot be that of a server, or nil.
func CheckURL(u *url.URL) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "ssh" && u.Scheme != "http":
		return errors.New("the URL must begin with https:// or ssh://")
	case u.Hostname() == "":
		return errors.New("the URL names no host")
	case u.RawQuery != "" || u.Fragment != "" || u.Opaque != "":
		return errors.New("the URL has more than a host and a path")
	case u.Scheme != "ssh" && u.User != nil:
		return errors.New("the URL has a user in it, which belongs under auth")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return errors.New("over http:// the credential would go in clear: use https://")
	}
	if _, hasPassword := u.User.Password(); hasPassword {
		return errors.New("the URL has a password in it, which belongs under secrets")
	}
	return nil
}

// Has implements proxy.Gate.
func (g *Gate) Has(host string) bool { return g.hosts[host] != nil }

// ServeGit implements proxy.Gate.
func (g *Gate) ServeGit(w http.ResponseWriter, r *http.Request, c *proxy.GateCall) {
	v := &visit{g: g, w: w, r: r, call: c, ctx: r.Context(), start: g.opt.Now()}
	v.serve()
}
