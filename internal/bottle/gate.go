package bottle

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

// newGate makes the gate of a manifest; nil if it has no git hosts.
func newGate(m *manifest.Manifest, c *credentials) (proxy.Gate, error) {
	if len(m.Git) == 0 {
		return nil, nil
	}
	var opt gitgate.Options
	for i := range m.Git {
		h := &m.Git[i]
		host := gitgate.Host{Name: h.Name, URL: h.URL, Private: h.URL != nil, Auth: gitAuth(h, c)}
		if h.URL != nil && h.URL.Scheme == "ssh" {
			host.SSH = sshAuth(&h.Auth, c)
		}
		for j := range h.Repos {
			r := &h.Repos[j]
			host.Repos = append(host.Repos, gitgate.Repo{Path: r.Path, Push: r.Push()})
		}
		opt.Hosts = append(opt.Hosts, host)
	}
	return gitgate.New(opt)
}

// narrowGate is what of a gate a manifest still gives.
func narrowGate(g *gitgate.Gate, m *manifest.Manifest) *gitgate.Gate {
	return g.Only(func(host string, r gitgate.Repo) (gitgate.Repo, bool) {
		now := m.GitRepo(host, r.Path)
		if now != nil && now.Access == manifest.GitRead {
			r.Push = nil
		}
		return r, now != nil
	})
}

// gitAuth is the credential of a server over https; nil for none.
func gitAuth(h *manifest.GitHost, c *credentials) gitgate.Auth {
	value := c.values[h.Auth.Secret]
	switch {
	case value == nil:
		return nil
	case h.Auth.App != 0:
		return &gitgate.AppAuth{API: gitAPI(h), ID: h.Auth.App, Installation: h.Auth.Installation, Key: value}
	case h.Auth.Bearer:
		return gitgate.BearerAuth{Token: value}
	}
	return gitgate.BasicAuth{User: h.Auth.User, Password: value}
}

// gitAPI is the base of GitHub's REST API, which its Enterprise Server has on the
// host itself.
func gitAPI(h *manifest.GitHost) string {
	switch {
	case h.URL != nil:
		return strings.TrimSuffix(h.URL.String(), "/") + "/api/v3"
	case h.Name == "github.com":
		return "https://api.github.com"
	}
	return "https://" + h.Name + "/api/v3"
}

func sshAuth(a *manifest.GitAuth, c *credentials) *gitgate.SSHAuth {
	ssh := &gitgate.SSHAuth{KnownHosts: []string{a.KnownHosts}}
	if a.SSHKey != "" {
		ssh.Key = gitgate.KeyFile(a.SSHKey)
	}
	if a.Passphrase != "" {
		ssh.Passphrase = c.values[a.Passphrase]
	}
	if a.SSHAgent {
		ssh.AgentSocket = os.Getenv("SSH_AUTH_SOCK")
	}
	return ssh
}

// gitConfig is what git in a bottle needs to come to the gate by every spelling of
// a host. It goes through the proxy, as everything does.
func gitConfig(m *manifest.Manifest) string {
	return gitgate.ClientConfig(gitHostNames(m), func(host string) string { return "https://" + host + "/" })
}

func gitHostNames(m *manifest.Manifest) (names []string) {
	for i := range m.Git {
		names = append(names, m.Git[i].Name)
	}
	return names
}

// newFront makes what listens for git alone.
func (s *Standalone) newFront() error {
	if !s.opt.Gate {
		return nil
	}
	if len(s.opt.Manifest.Git) == 0 {
		return errors.New("the manifest names no host under git, so there is nothing to serve: add one to bottle.yaml (\"bottle help git\")")
	}
	s.front = &gitgate.Front{Server: s.server, Session: s.record.ID, AnyHost: true}
	if a, ok := s.listener.Addr().(*net.TCPAddr); ok {
		if !a.IP.IsLoopback() {
			return fmt.Errorf("--listen %s: a gate speaks http in clear, so it listens on a loopback address or a unix socket only", s.opt.Listen)
		}
		s.front.Prefix, s.front.AnyHost = gitgate.NewPrefix(), false
	}
	s.http = s.front.HTTPServer()
	return nil
}

// GitConfig is the gitconfig that a client of a gate needs. On a unix socket, which
// git cannot open, the URLs are those of http://localhost/.
func (s *Standalone) GitConfig() string {
	base := "http://localhost/"
	if s.listener.Addr().Network() == "tcp" {
		base = "http://" + s.addr() + "/" + s.front.Prefix + "/"
	}
	config := gitgate.ClientConfig(gitHostNames(s.opt.Manifest), func(host string) string { return base + host + "/" })
	return config + fmt.Sprintf("[http %q]\n\tproxy =\n", base) // none, whatever the environment says
}
