package workspace

import (
	"net/url"
	"regexp"
	"strings"
)

var (
	urlSchemes = map[string]bool{"https": true, "http": true, "ssh": true, "git": true, "git+ssh": true, "file": true}
	urlHost    = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)
	urlPath    = regexp.MustCompile(`^[A-Za-z0-9._~/%+,=$()!*-]*$`)
	localPath  = regexp.MustCompile(`^(\.{0,2}/)[A-Za-z0-9._~/%+,= ()-]*$`)
)

// sshUser is the one user that stays in a remote's URL: every forge has it for
// everybody, and without it the URL would name another account.
const sshUser = "git"

// cleanURL returns a remote's URL without what could hold a credential: user
// and password, query and fragment. It says no to what it does not know, such
// as "ext::command", and to any "@" or ":" in the path: there they are more
// often the rest of a user and password in the wrong place than a path's own.
func cleanURL(s string) (string, bool) {
	if strings.Contains(s, "://") {
		return cleanSchemeURL(s)
	}
	if localPath.MatchString(s) {
		return s, true
	}
	return cleanSCP(s)
}

func cleanSchemeURL(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" {
		return "", false
	}
	scheme := strings.ToLower(u.Scheme)
	path := u.EscapedPath()
	switch {
	case !urlSchemes[scheme], !urlPath.MatchString(path):
		return "", false
	case u.Host == "" && scheme != "file", u.Host != "" && !urlHost.MatchString(u.Host):
		return "", false
	}
	user := ""
	if strings.HasSuffix(scheme, "ssh") && u.User != nil && u.User.Username() == sshUser {
		user = sshUser + "@"
	}
	return scheme + "://" + user + u.Host + path, true
}

// cleanSCP cleans "[user@]host:path", ssh's own way.
func cleanSCP(s string) (string, bool) {
	host, path, ok := strings.Cut(s, ":")
	if !ok || path == "" || strings.Contains(host, "[") || !urlPath.MatchString(path) {
		return "", false
	}
	user, name, found := strings.Cut(host, "@")
	if !found {
		user, name = "", host
	}
	if !urlHost.MatchString(name) {
		return "", false
	}
	if user == sshUser {
		name = sshUser + "@" + name
	}
	return name + ":" + path, true
}
