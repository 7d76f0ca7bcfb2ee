package manifest

//go:generate go test -run ^Test(Schema|KeysPage)IsInStep$ . -args -update

// Document is the shape of a manifest file. Its tags are what the decoder, the
// merging of levels and the JSON Schema go by:
//
//   - yaml is the key;
//   - jsonschema holds the choice of values and what is required;
//   - fix is what to do about a required key that is missing, where its
//     description does not say it;
//   - merge says how a value of a lower level is treated: "add" appends its
//     list, "replace" drops it as a whole. Otherwise maps merge by key, and
//     lists and scalars replace.
type Document struct {
	Version int `yaml:"version" jsonschema:"required,enum=1" fix:"add \"version: 1\" as the first line" jsonschema_description:"The version of this format: 1."`
	Keys
	Bottles map[string]Keys `yaml:"bottles" jsonschema_description:"Named variants (bottle up NAME), each overriding the keys above; its routes and dlp.allow are added to those."`
}

// Keys are the keys that a variant can override.
type Keys struct {
	Agent                  string            `yaml:"agent" jsonschema:"enum=claude,enum=codex,enum=generic" jsonschema_description:"What runs in the bottle. Default: generic."`
	Backend                string            `yaml:"backend" jsonschema:"enum=auto,enum=sandbox,enum=smolvm" jsonschema_description:"What the bottle is made of. Default: auto."`
	Image                  Image             `yaml:"image" jsonschema_description:"The file system of a virtual machine (backend smolvm): a folder with a Dockerfile, a docker-save or OCI archive, an OCI layout or an unpacked root folder, each written with a slash or as .tar, else a reference of a registry."`
	Workspace              Workspace         `yaml:"workspace" jsonschema_description:"The folder that the agent works on."`
	Mounts                 []MountEntry      `yaml:"mounts" jsonschema_description:"Further files and folders of the host that the agent sees."`
	Resources              ResourceLimits    `yaml:"resources" jsonschema_description:"Limits of the bottle."`
	Env                    map[string]string `yaml:"env" jsonschema_description:"Environment variables in the bottle. No place for secrets."`
	Prompt                 Path              `yaml:"prompt" jsonschema_description:"A text file that is added to the agent's instructions."`
	Skills                 []Path            `yaml:"skills" jsonschema_description:"Folders of skills for the agent, each with a SKILL.md."`
	GitUser                GitUser           `yaml:"git_user" jsonschema_description:"Who the agent commits as."`
	Supervise              bool              `yaml:"supervise" jsonschema_description:"Serve the agent MCP tools that tell it what it may do, and let it ask the operator. Default: true."`
	Capture                bool              `yaml:"capture" jsonschema_description:"Take the connections of programs that know no proxy there too. Default: true."`
	Ports                  []PortEntry       `yaml:"ports" jsonschema_description:"Ports in the bottle that ports of the host's 127.0.0.1 lead to: GUEST or HOST:GUEST; the host's is the same without HOST, and one that is free where HOST is 0."`
	HostServices           []ServiceEntry    `yaml:"host_services" jsonschema_description:"Services of the host's 127.0.0.1 that the bottle reaches by a name."`
	ForwardHostSettings    bool              `yaml:"forward_host_settings" jsonschema_description:"Take over harmless settings that the agent's client has on this host (claude, codex), such as the model. bottle up names them. Default: true."`
	ForwardHostCredentials bool              `yaml:"forward_host_credentials" jsonschema_description:"true: use the login that the agent's client has on this host (claude, codex), with the routes that it needs. The login itself stays on the host. Default: false."`
	Use                    []string          `yaml:"use" jsonschema:"enum=anthropic,enum=apt,enum=cargo,enum=chatgpt,enum=github,enum=go,enum=npm,enum=openai,enum=pip" jsonschema_description:"Presets: named groups of routes, which bottle policy presets lists. A secret with the name of a preset is used on its routes."`
	Egress                 EgressRules       `yaml:"egress" jsonschema_description:"What the bottle reaches."`
	DLP                    DLPRules          `yaml:"dlp" jsonschema_description:"What happens when something secret is about to leave."`
	Secrets                map[string]Secret `yaml:"secrets" jsonschema_description:"Credentials of the host, by name. The bottle only sees placeholders."`
	Git                    GitHosts          `yaml:"git" jsonschema_description:"Repositories that are reached through the git gate, by the host in their URLs."`
	Budgets                Budgets           `yaml:"budgets" jsonschema_description:"Limits of what the bottle sends and uses, from its start on."`
	Record                 Record            `yaml:"record" jsonschema_description:"What is kept of the traffic beside the journal."`
	Metrics                Metrics           `yaml:"metrics" jsonschema_description:"Metrics for Prometheus."`
	Notify                 Notify            `yaml:"notify" jsonschema_description:"Notifications at the desktop of the host."`
}

// Workspace is the folder that the agent works on.
type Workspace struct {
	Path Path   `yaml:"path" jsonschema_description:"The folder. Default: the one of the manifest."`
	Mode string `yaml:"mode" jsonschema:"enum=copy,enum=mount" jsonschema_description:"copy: the agent has a copy; bottle pull takes its work over. mount: it writes to the folder itself. Default: copy."`
}

// MountEntry shows a file or folder of the host in the bottle.
type MountEntry struct {
	Path Path   `yaml:"path" jsonschema:"required" jsonschema_description:"A file or folder of the host."`
	At   string `yaml:"at" jsonschema:"pattern=^[~/]" jsonschema_description:"Where the bottle sees it: an absolute path, or ~/… below the agent's home. Default: as path is written."`
	Mode string `yaml:"mode" jsonschema:"enum=ro,enum=rw" jsonschema_description:"ro: the agent can read it; rw: and change it. Default: ro."`
}

// ServiceEntry is a service of the host.
type ServiceEntry struct {
	Name string `yaml:"name" jsonschema:"required,minLength=1" jsonschema_description:"The name that it has in the bottle, such as db."`
	Port int    `yaml:"port" jsonschema:"required,minimum=1,maximum=65535" jsonschema_description:"The TCP port, of the host's 127.0.0.1 and in the bottle."`
}

// ResourceLimits bound a bottle.
type ResourceLimits struct {
	Memory Size    `yaml:"memory" jsonschema_description:"Memory, at least 64MiB."`
	CPUs   float64 `yaml:"cpus" jsonschema:"minimum=0" jsonschema_description:"Time of so many CPUs, such as 2 or 0.5."`
	PIDs   int     `yaml:"pids" jsonschema:"minimum=0" jsonschema_description:"Processes and threads, at least 16."`
	Disk   Size    `yaml:"disk" jsonschema_description:"Size of a virtual machine's disk, at least 1GiB, and the most that is brought out of it. Default: 20GiB."`
}

// GitUser is who the agent commits as.
type GitUser struct {
	Name  string `yaml:"name" jsonschema_description:"user.name of git."`
	Email string `yaml:"email" jsonschema_description:"user.email of git."`
}

// EgressRules say what the bottle reaches.
type EgressRules struct {
	Default       string        `yaml:"default" jsonschema:"enum=deny,enum=ask,enum=allow" jsonschema_description:"What happens to a request that no route matches. Default: deny."`
	AskTimeout    Duration      `yaml:"ask_timeout" jsonschema_description:"How long a request waits for the operator. Default: 3m."`
	Routes        []RouteEntry  `yaml:"routes" merge:"add" jsonschema_description:"Rules for hosts. A deny beats everything; then the most specific host, path and method count, then the order."`
	UpstreamCA    []Path        `yaml:"upstream_ca" jsonschema_description:"PEM files with further roots that upstreams are verified by."`
	UpstreamProxy UpstreamProxy `yaml:"upstream_proxy" merge:"replace" jsonschema_description:"A proxy that public hosts are reached through."`
}

// RouteEntry is one rule for a host.
type RouteEntry struct {
	Host     string   `yaml:"host" jsonschema:"required,minLength=1" jsonschema_description:"An exact name, *.example.com (any depth below example.com, not itself), or an IP address."`
	Ports    []int    `yaml:"ports" jsonschema:"minItems=1" jsonschema_description:"Default: 443, and 80 for plain http."`
	Methods  []string `yaml:"methods" jsonschema:"minItems=1" jsonschema_description:"Default: any."`
	Paths    []string `yaml:"paths" jsonschema:"minItems=1" jsonschema_description:"Such as /v1/**: * matches within a segment, ** any number of segments. Default: any."`
	Action   string   `yaml:"action" jsonschema:"enum=allow,enum=deny,enum=ask" jsonschema_description:"Default: allow."`
	TLS      string   `yaml:"tls" jsonschema:"enum=intercept,enum=passthrough,enum=raw" jsonschema_description:"intercept: requests are seen, matched and scanned. passthrough: only the name is checked; no methods, paths or secrets. raw: any protocol, on the ports that are named; what is sent is scanned; no methods, paths or secrets. Default: intercept."`
	Kind     string   `yaml:"kind" jsonschema:"enum=model" jsonschema_description:"model: a model provider. What looks like a credential there is replaced by a marker, which becomes the text again in the answers, so that a conversation that has seen one can go on."`
	GraphQL  string   `yaml:"graphql" jsonschema:"enum=query" jsonschema_description:"query: only GraphQL queries pass. Mutations, subscriptions, batches, persisted documents and what is no GraphQL are refused."`
	Private  bool     `yaml:"private" jsonschema_description:"true: the host may have a loopback or private address, and secrets may go there over plain http."`
	Upstream string   `yaml:"upstream" jsonschema_description:"host:port that is dialled instead of the host."`
	Secrets  []string `yaml:"secrets" jsonschema_description:"Names of the secrets that may be put into requests here."`
}

// DLPRules say what happens to findings.
type DLPRules struct {
	Action   string            `yaml:"action" jsonschema:"enum=block,enum=redact,enum=warn,enum=off" jsonschema_description:"block: the request is refused. redact: what is found is replaced by a marker, and the request is refused where that cannot be done for sure. warn: it passes and is noted in the journal. off: it passes. Default: block."`
	Rules    map[string]string `yaml:"rules" jsonschema:"enum=block,enum=redact,enum=warn,enum=off" jsonschema_description:"Another action for single rules, by their identifier."`
	Allow    []ExemptionEntry  `yaml:"allow" merge:"add" jsonschema_description:"Findings of a rule that may go to a host."`
	Custom   []CustomEntry     `yaml:"custom" jsonschema_description:"Rules of your own."`
	Known    []Path            `yaml:"known" jsonschema_description:"Files whose values are known secrets: .env, ~/.netrc, ~/.aws/credentials, ~/.npmrc, ~/.pypirc, ~/.docker/config.json, JSON, YAML, private keys."`
	Canaries []string          `yaml:"canaries" jsonschema:"pattern=^[A-Za-z_][A-Za-z0-9_]*$" jsonschema_description:"Names of environment variables in the bottle with a made-up secret in each, which nothing has a use for: a request that holds one is refused."`
}

// CustomEntry is a rule of one's own: a prefix, and a body of a class or of a
// pattern.
type CustomEntry struct {
	ID          string `yaml:"id" jsonschema:"required,pattern=^[a-z0-9-]+$,maxLength=64" jsonschema_description:"The identifier, which dlp.rules and dlp.allow may name."`
	Description string `yaml:"description" jsonschema_description:"What it finds."`
	Prefix      string `yaml:"prefix" jsonschema:"required,minLength=2,maxLength=48" jsonschema_description:"What each match starts with, in this case."`
	Class       string `yaml:"class" jsonschema:"pattern=^\\[.+\\]$" jsonschema_description:"The characters of the body, such as [A-Za-z0-9]: letters, digits and + / - _."`
	Length      int    `yaml:"length" jsonschema:"minimum=1,maximum=4096" jsonschema_description:"The length of the body."`
	Min         int    `yaml:"min" jsonschema:"minimum=1,maximum=4096" jsonschema_description:"Instead of length: the shortest body."`
	Max         int    `yaml:"max" jsonschema:"minimum=1,maximum=4096" jsonschema_description:"Instead of length: the longest body; with pattern: how much of the text it sees. Default: 4096; with pattern: 256."`
	Pattern     string `yaml:"pattern" jsonschema_description:"Instead of class and length: a regular expression (RE2) for what follows the prefix."`
}

// ExemptionEntry lets findings of a rule go to a host.
type ExemptionEntry struct {
	Rule string `yaml:"rule" jsonschema:"required" jsonschema_description:"Identifier of the rule."`
	Host string `yaml:"host" jsonschema:"required" jsonschema_description:"An exact name, *.example.com, or an IP address."`
}

// Secret is a credential of the host.
type Secret struct {
	From   From   `yaml:"from" merge:"replace" jsonschema:"required" jsonschema_description:"Where its value is: one of env, file, keyring, command, login, gcp, oauth2 and github_app."`
	Inject Inject `yaml:"inject" merge:"replace" jsonschema_description:"Where in a request it goes. Default: any header."`
}

// From says where a value is.
type From struct {
	Env     string   `yaml:"env" jsonschema:"pattern=^[A-Za-z_][A-Za-z0-9_]*$" jsonschema_description:"A variable of the host's environment."`
	File    Path     `yaml:"file" jsonschema_description:"A file of the host."`
	JSON    string   `yaml:"json" jsonschema:"pattern=^/" jsonschema_description:"With file: a JSON pointer to the value in it, such as /accounts/0/token."`
	Command []string `yaml:"command" jsonschema:"minItems=1" jsonschema_description:"A program and its arguments (no shell), run on the host in an empty folder; it prints the value. A relative path of a program or file is taken from the manifest's folder."`
	TTL     Duration `yaml:"ttl" jsonschema_description:"With command or keyring: how long what it gave is used. Default: 5m."`
	Timeout Duration `yaml:"timeout" jsonschema_description:"With command or keyring: how long it may take. Default: 30s."`
	Keyring string   `yaml:"keyring" jsonschema:"pattern=^.+/[^/]+$" jsonschema_description:"An entry of the host's keyring: SERVICE/ACCOUNT."`
	Login   string   `yaml:"login" jsonschema:"enum=claude,enum=codex" jsonschema_description:"The login of an agent's client on this host, which is renewed there. It goes to that client's provider only."`
	GCP     Path     `yaml:"gcp" jsonschema_description:"The JSON key file of a service account of Google Cloud. The value is an access token, which is had with it and renewed on the host."`
	Scopes  []string `yaml:"scopes" jsonschema_description:"With gcp: what the tokens are for, such as https://www.googleapis.com/auth/cloud-platform."`
	OAuth2  OAuth2   `yaml:"oauth2" jsonschema_description:"An access token of an authorization server, which is had and renewed on the host."`

	GitHubApp GitHubApp `yaml:"github_app" jsonschema_description:"A token of an installation of a GitHub App, which is made and renewed on the host."`
}

// GitHubApp is an App of GitHub.
type GitHubApp struct {
	App          int    `yaml:"app" jsonschema:"required,minimum=1" jsonschema_description:"The App's identifier."`
	Installation int    `yaml:"installation" jsonschema:"required,minimum=1" jsonschema_description:"That of its installation."`
	Key          string `yaml:"key" jsonschema:"required" jsonschema_description:"The name of the secret that is the App's private key in PEM."`
	API          string `yaml:"api" jsonschema_description:"The base of the REST API: https://HOST/api/v3 of an Enterprise Server. Default: https://api.github.com."`
}

// OAuth2 is a client of an authorization server.
type OAuth2 struct {
	TokenURL     string            `yaml:"token_url" jsonschema:"required" jsonschema_description:"Where tokens are had: an https URL."`
	ClientID     string            `yaml:"client_id" jsonschema:"required" jsonschema_description:"The client's identifier."`
	ClientSecret string            `yaml:"client_secret" jsonschema_description:"The name of the secret that is the client's."`
	RefreshToken string            `yaml:"refresh_token" jsonschema_description:"The name of the secret that is a refresh token. Default: none, and the grant is client credentials."`
	Scopes       []string          `yaml:"scopes" jsonschema_description:"What the tokens are for."`
	Params       map[string]string `yaml:"params" jsonschema_description:"Further parameters of the request for a token with client credentials, such as audience."`
}

// Record says what is kept of the traffic.
type Record struct {
	Bodies bool `yaml:"bodies" jsonschema_description:"Keep what HTTP requests and answers have in them on this host's disk, beside the journal, for bottle logs --har: the first 256 KiB of each, what the scanner finds replaced by markers. Default: false."`
}

// Notify says what the desktop is told of.
type Notify struct {
	Questions bool `yaml:"questions" jsonschema_description:"Tell of each new question that waits for the operator. Default: true."`
	Sound     bool `yaml:"sound" jsonschema_description:"With a sound. Default: false."`
}

// Metrics says where metrics are served.
type Metrics struct {
	Listen string `yaml:"listen" jsonschema_description:"A loopback address, such as 127.0.0.1:9095, at which Prometheus finds /metrics. Default: none."`
}

// Budgets bound what a bottle sends and uses.
type Budgets struct {
	BytesOut          Size                  `yaml:"bytes_out" jsonschema_description:"What it sends: URLs, headers, bodies, messages, pushes, and what passes unseen. Default: no limit."`
	PerHost           Size                  `yaml:"per_host" jsonschema_description:"What it sends to any one host. Default: no limit."`
	RequestsPerMinute int                   `yaml:"requests_per_minute" jsonschema:"minimum=0" jsonschema_description:"Requests and connections in a minute of the clock; 0 is no limit. Default: 60000."`
	NewHosts          string                `yaml:"new_hosts" jsonschema:"enum=off,enum=warn,enum=ask" jsonschema_description:"What happens at the first request to a host that no route names, which a wildcard or the default lets through. warn: it is noted in the journal and the log. ask: the operator is asked. off: nothing. Default: warn."`
	ModelTokens       int                   `yaml:"model_tokens" jsonschema:"minimum=0" jsonschema_description:"Tokens of all kinds that the answers on routes with kind: model report. Default: no limit."`
	ModelCost         float64               `yaml:"model_cost" jsonschema:"minimum=0" jsonschema_description:"What they cost, by prices. A model without a price has cost all of it. Default: no limit."`
	Action            string                `yaml:"action" jsonschema:"enum=ask,enum=deny" jsonschema_description:"What happens at a limit. ask: the operator is asked for as much again. deny: nothing more is sent. Default: ask."`
	Prices            map[string]ModelPrice `yaml:"prices" jsonschema_description:"What a million tokens of a model cost, by its name as answers have it, in which * stands for any text; the longest that fits counts. There are no prices but these. A good place is the user's own file."`
}

// ModelPrice is for a million tokens, in a currency of the user's choice.
type ModelPrice struct {
	Input      float64 `yaml:"input" jsonschema:"minimum=0" jsonschema_description:"Of input that comes from no cache."`
	CacheRead  float64 `yaml:"cache_read" jsonschema:"minimum=0" jsonschema_description:"Of input that comes from a cache."`
	CacheWrite float64 `yaml:"cache_write" jsonschema:"minimum=0" jsonschema_description:"Of input that is written into a cache."`
	Output     float64 `yaml:"output" jsonschema:"minimum=0" jsonschema_description:"Of output, with what the model thinks."`
}
