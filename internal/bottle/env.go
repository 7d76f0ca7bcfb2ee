package bottle

import (
	"maps"
	"strings"
)

// proxyEnv points clients at the proxy. ALL_PROXY is left alone: a client that
// knows nothing else would send https URLs, credentials included, in clear.
func proxyEnv(url string) map[string]string {
	env := map[string]string{}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		env[name], env[strings.ToLower(name)] = url, url
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		env[name] = "127.0.0.1,localhost,::1"
	}
	return env
}

// passedOn are the variables of the host that a terminal program needs to look
// right. They tell nothing about the host but its language and time zone.
var passedOn = []string{"TERM", "COLORTERM", "LANG", "LC_ALL", "TZ"}

func terminalEnv(getenv func(string) string) map[string]string {
	env := map[string]string{}
	for _, name := range passedOn {
		if v := getenv(name); v != "" && !strings.ContainsAny(v, "\x00\n") {
			env[name] = v
		}
	}
	return env
}

// layer merges environments; a later one wins.
func layer(envs ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, e := range envs {
		maps.Copy(out, e)
	}
	return out
}
