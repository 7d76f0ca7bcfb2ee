package manifest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// envPrefix begins the environment variables that override a manifest.
const envPrefix = "BOTTLE_"

// envKeys are the keys that an environment variable can set. What widens the
// reach of a bottle by more than a word, such as routes, is not among them.
var envKeys = []struct{ name, key string }{
	{"BOTTLE_AGENT", "agent"},
	{"BOTTLE_BACKEND", "backend"},
	{"BOTTLE_CAPTURE", "capture"},
	{"BOTTLE_WORKSPACE_PATH", "workspace.path"},
	{"BOTTLE_WORKSPACE_MODE", "workspace.mode"},
	{"BOTTLE_RESOURCES_MEMORY", "resources.memory"},
	{"BOTTLE_RESOURCES_CPUS", "resources.cpus"},
	{"BOTTLE_RESOURCES_PIDS", "resources.pids"},
	{"BOTTLE_GIT_USER_NAME", "git_user.name"},
	{"BOTTLE_GIT_USER_EMAIL", "git_user.email"},
	{"BOTTLE_EGRESS_DEFAULT", "egress.default"},
	{"BOTTLE_EGRESS_ASK_TIMEOUT", "egress.ask_timeout"},
	{"BOTTLE_EGRESS_UPSTREAM_PROXY", "egress.upstream_proxy"},
	{"BOTTLE_DLP_ACTION", "dlp.action"},
}

// ConfigVariable names the environment variable that does what -f does.
const ConfigVariable = "BOTTLE_CONFIG"

// Override is a value from outside of the files.
type Override struct {
	Source string // for errors: "--agent"
	Key    string // such as workspace.mode
	Value  string
	Values []string // of a list, in the place of Value
}

// envOverrides reads the variables that are set. One that is none of them and
// looks like a key, or like a slip of one, is a mistake: it would be taken for
// set and is not.
func envOverrides(p *problems, environ, known []string) []Override {
	var out []Override
	names := []string{ConfigVariable}
	for _, e := range envKeys {
		names = append(names, e.name)
	}
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, envPrefix) || name == ConfigVariable || slices.Contains(known, name) {
			continue
		}
		if i := slices.IndexFunc(envKeys, func(e struct{ name, key string }) bool { return e.name == name }); i >= 0 {
			out = append(out, Override{Source: "environment variable " + name, Key: envKeys[i].key, Value: value})
			continue
		}
		if looksLikeKey(name) || nearest(name, names) != "" {
			p.add(Error{File: "environment variable " + name, Message: fmt.Sprintf("it sets nothing: %s", didYouMean(name, names))})
		}
	}
	return out
}

// looksLikeKey reports whether the name is that of a key of a manifest, or of
// one below it.
func looksLikeKey(name string) bool {
	rest := strings.TrimPrefix(name, envPrefix)
	return slices.ContainsFunc(fieldNames(reflect.TypeFor[Document]()), func(key string) bool {
		key = strings.ToUpper(key)
		return rest == key || strings.HasPrefix(rest, key+"_")
	})
}

// apply lays overrides over the document; a later one wins. What comes from
// outside of a file is relative to dir.
func apply(root *node, dir string, overrides []Override) *node {
	for _, o := range overrides {
		src := &source{shown: o.Source, base: o.Source, dir: dir}
		value := &node{src: src, path: o.Key, text: o.Value, scalar: looseScalar}
		if o.Values != nil {
			value = &node{src: src, path: o.Key, kind: listNode}
			for _, v := range o.Values {
				value.list = append(value.list, &node{src: src, path: o.Key, text: v, scalar: looseScalar})
			}
		}
		root = root.set(value, o.Key)
	}
	return root
}
