package manifest

import (
	"maps"
	"reflect"
	"slices"

	"github.com/bot-bottle/bottle/proxy"
)

// NeedsNewBottle names the keys that a manifest has otherwise than the one that a
// bottle was started with, and that a running bottle cannot follow: what its machine
// is made of, what it sees of the host, and its environment.
func NeedsNewBottle(started, now *Manifest) (keys []string) {
	for _, part := range []struct {
		key  string
		same bool
	}{
		{"agent", started.Agent == now.Agent},
		{"backend", started.Backend == now.Backend},
		{"image", started.Image == now.Image},
		{"workspace", started.Workspace == now.Workspace && started.WorkspaceMode == now.WorkspaceMode},
		{"mounts", slices.Equal(started.Mounts, now.Mounts)},
		{"resources", reflect.DeepEqual(started.Resources, now.Resources)},
		{"capture", started.Capture == now.Capture},
		// Where names are captured, it is their routes that say what they lead to.
		{"host_services", started.Capture && now.Capture || slices.Equal(started.HostServices, now.HostServices)},
		{"ports", slices.Equal(started.Ports, now.Ports)},
		{"metrics", started.Metrics == now.Metrics},
		{"forward_host_settings", started.ForwardHostSettings == now.ForwardHostSettings},
		{"supervise", started.Supervise == now.Supervise},
		{"prompt", started.Prompt == now.Prompt},
		{"skills", slices.Equal(started.Skills, now.Skills)},
		{"env", maps.Equal(started.Env, now.Env)},
		{"git_user", started.GitUser == now.GitUser},
		{"git", hasAll(started.gitHosts(), now.gitHosts())}, // in the bottle's gitconfig
		{"dlp.canaries", hasAll(started.Scan.Canaries, now.Scan.Canaries)},
		// Their placeholders are in variables and files of the bottle.
		{"secrets", hasAll(started.secretVariables(), now.secretVariables())},
	} {
		if !part.same {
			keys = append(keys, part.key)
		}
	}
	return keys
}

// hasAll reports whether all of some names are among others.
func hasAll(names, some []string) bool {
	return !slices.ContainsFunc(some, func(name string) bool { return !slices.Contains(names, name) })
}

// secretVariables are the variables in a bottle that have a placeholder by
// themselves, each with the name of its secret.
func (m *Manifest) secretVariables() (list []string) {
	for i := range m.Secrets {
		d := &m.Secrets[i]
		injected := slices.ContainsFunc(m.Egress.Routes, func(r proxy.Route) bool { return slices.Contains(r.Secrets, d.Name) })
		switch {
		case !injected:
		case d.Source.Env != "":
			list = append(list, d.Source.Env+"="+d.Name)
		case d.Source.Login != "": // in a file, or a variable, of its client's
			list = append(list, "login "+d.Source.Login+"="+d.Name)
		}
	}
	return list
}
