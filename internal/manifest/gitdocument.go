package manifest

// GitHosts are the servers of the git gate, by the host in URLs.
type GitHosts map[string]GitHostEntry

// GitHostEntry is a server of the git gate.
type GitHostEntry struct {
	URL   string         `yaml:"url" jsonschema:"pattern=^(https?|ssh)://" jsonschema_description:"Where the server is, if not at https://HOST/: https://HOST/PATH or ssh://USER@HOST:PORT/PATH. It may have a private address."`
	Auth  GitAuthEntry   `yaml:"auth" merge:"replace" jsonschema_description:"The credential for the server, which the agent never has. Default: none."`
	Repos []GitRepoEntry `yaml:"repos" merge:"add" jsonschema:"required" jsonschema_description:"The repositories that the agent is given."`
}

// GitAuthEntry says how to log in to a server.
type GitAuthEntry struct {
	Secret       string `yaml:"secret" jsonschema_description:"https: the name of the secret that is the token or password; with app, the private key of the App in PEM."`
	User         string `yaml:"user" jsonschema_description:"With secret: the user of Basic credentials. Default: x-access-token, which GitHub, GitLab and others take with any token."`
	Scheme       string `yaml:"scheme" jsonschema:"enum=basic,enum=bearer" jsonschema_description:"With secret: how it is sent. Default: basic."`
	App          int    `yaml:"app" jsonschema:"minimum=1" jsonschema_description:"The identifier of a GitHub App: its installation's tokens are made on the host, and renewed."`
	Installation int    `yaml:"installation" jsonschema:"minimum=1" jsonschema_description:"With app: the identifier of the installation."`
	SSHKey       Path   `yaml:"ssh_key" jsonschema_description:"ssh: the file of a private key."`
	Passphrase   string `yaml:"passphrase" jsonschema_description:"With ssh_key: the name of the secret that is its passphrase."`
	SSHAgent     bool   `yaml:"ssh_agent" jsonschema_description:"ssh: the keys of the host's ssh-agent (SSH_AUTH_SOCK)."`
	KnownHosts   Path   `yaml:"known_hosts" jsonschema_description:"ssh: the file that servers are known by. Default: ~/.ssh/known_hosts."`
}

// GitRepoEntry is a repository that the agent is given.
type GitRepoEntry struct {
	Path   string         `yaml:"path" jsonschema:"required,minLength=1" jsonschema_description:"Below the host, such as org/repo. It is matched exactly."`
	Access string         `yaml:"access" jsonschema:"enum=read,enum=write,enum=ask" jsonschema_description:"read: clone and fetch; write: and push by the rules; ask: the operator is asked about each push that the rules allow. Default: read."`
	Push   GitPushEntry   `yaml:"push" jsonschema_description:"With write or ask: what may be pushed, by patterns of refs such as refs/heads/agent/** (* within a part, ** for any number of parts)."`
	Files  GitFilesEntry  `yaml:"files" jsonschema_description:"With write or ask: what commits may change."`
	Limits GitLimitsEntry `yaml:"limits" jsonschema_description:"With write or ask: how large a push may be."`
	Author GitAuthorEntry `yaml:"author" jsonschema_description:"With write or ask: who commits must be by. Default: anyone."`
}

// GitPushEntry says what may become of refs.
type GitPushEntry struct {
	Create  []string `yaml:"create" jsonschema_description:"Refs that may be created. Default: refs/heads/agent/**."`
	Update  []string `yaml:"update" jsonschema_description:"Refs that may be moved on, by fast-forward. Default: refs/heads/agent/**."`
	Force   []string `yaml:"force" jsonschema_description:"Refs that may be moved anywhere. Default: none."`
	Delete  []string `yaml:"delete" jsonschema_description:"Refs that may be deleted. Default: none."`
	Options bool     `yaml:"options" jsonschema_description:"Let push options (git push -o) through, which are for programs at the server."`
}

// GitFilesEntry says what commits may change.
type GitFilesEntry struct {
	Deny       []string `yaml:"deny" jsonschema_description:"Paths that may not be added, changed or removed. Default: .github/workflows/**; an empty list is none."`
	Submodules []string `yaml:"submodules" jsonschema_description:"URLs that submodules may have, as patterns such as https://github.com/org/**. Default: none."`
}

// GitLimitsEntry bounds a push.
type GitLimitsEntry struct {
	Object Size `yaml:"object" jsonschema_description:"The largest object, at most 1GiB. Default: 100MiB."`
	Push   Size `yaml:"push" jsonschema_description:"The largest pack, as it is sent. Default: 1GiB."`
}

// GitAuthorEntry says who commits must be by.
type GitAuthorEntry struct {
	Name      string `yaml:"name" jsonschema_description:"The name of author and committer."`
	Email     string `yaml:"email" jsonschema_description:"The address of author and committer."`
	SignedOff bool   `yaml:"signed_off" jsonschema_description:"Each message ends with a line Signed-off-by of the author."`
}
