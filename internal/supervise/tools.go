package supervise

import (
	"context"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

func (o *Options) addTools(s *mcp.Server) {
	tool(s, "allowed", "Says what this bottle may reach: the routes with hosts, methods and paths, or, when url is given, what would become of a request to it and why.", o.allowed)
	tool(s, "status", "Says how this bottle stands: since when it runs, how many requests were allowed and denied, what of its limits is used, and what waits for the operator; with request, how that request of yours stands.", o.status)
	o.addRequests(s)
}

type allowedIn struct {
	URL    string `json:"url,omitempty" jsonschema:"a URL or a host to judge; without it all routes are listed"`
	Method string `json:"method,omitempty" jsonschema:"the HTTP method for url; GET when left out"`
	Ref    string `json:"ref,omitempty" jsonschema:"with the URL of a git repository: a ref that would be pushed, such as refs/heads/agent/x"`
}

// Allowed is what the tool allowed answers.
type Allowed struct {
	// Default is what happens to a request that no route matches: deny, ask or allow.
	Default proxy.Action `json:"default,omitempty"`
	Routes  []Route      `json:"routes,omitempty"`
	// Git are repositories that can be cloned, and what may be pushed there.
	Git []Repo `json:"git,omitempty"`
	// Explained is what git may do with the repository of a URL, and why.
	Explained []manifest.GitExplanation `json:"explained,omitempty"`
	// Verdict is allow, deny, or ask: the operator is asked while the request waits.
	Verdict proxy.Action `json:"verdict,omitempty"`
	Rule    string       `json:"rule,omitempty"`
	Reason  string       `json:"reason,omitempty"`
	Notes   []string     `json:"notes,omitempty"`
}

// Route is one rule for a host, as the agent is told of it.
type Route struct {
	Host    string       `json:"host"`
	Ports   []int        `json:"ports,omitempty"`
	Methods []string     `json:"methods,omitempty"`
	Paths   []string     `json:"paths,omitempty"`
	Action  proxy.Action `json:"action"`
	// GraphQL is "query" where GraphQL's queries pass and nothing else does.
	GraphQL string `json:"graphql,omitempty"`
	// Secrets are put in by the proxy where their placeholders stand.
	Secrets []string `json:"secrets,omitempty"`
}

// Repo is a repository, as the agent is told of it.
type Repo struct {
	// Repository is HOST/PATH, Access read, write or ask: the operator is asked.
	Repository string   `json:"repository"`
	Access     string   `json:"access"`
	Push       []string `json:"push,omitempty"` // rules in words
}

func (o *Options) allowed(_ context.Context, in allowedIn) (Allowed, error) {
	m := o.Manifest()
	if in.URL != "" {
		if git, err := m.ExplainGit(in.URL, in.Ref); err != nil || len(git) > 0 {
			return Allowed{Explained: git}, err
		}
		e, err := m.Explain(in.Method, in.URL)
		if err != nil {
			return Allowed{}, err
		}
		return Allowed{Verdict: e.Verdict, Rule: e.Rule, Reason: e.Reason, Notes: e.Notes}, nil
	}
	out := Allowed{Default: m.Egress.Default}
	for i := range m.Egress.Routes {
		r := &m.Egress.Routes[i]
		out.Routes = append(out.Routes, Route{Host: r.Host, Ports: r.Ports, Methods: r.Methods, Paths: r.Paths, Action: r.Action, GraphQL: r.GraphQL, Secrets: r.Secrets})
	}
	for i := range m.Git {
		h := &m.Git[i]
		for j := range h.Repos {
			r := &h.Repos[j]
			out.Git = append(out.Git, Repo{Repository: h.Name + "/" + r.Path, Access: r.Access, Push: r.Rules()})
		}
	}
	return out, nil
}

type statusIn struct {
	Request string `json:"request,omitempty" jsonschema:"the id of a request that was made before"`
}

// Status is what the tool status answers.
type Status struct {
	Bottle  string           `json:"bottle"`
	Started time.Time        `json:"started"`
	Counts  map[string]int64 `json:"counts"`
	// Limits are those of what this bottle sends and uses, and Near warns of those that
	// are nearly used up.
	Limits []proxy.Limit `json:"limits,omitempty"`
	Near   string        `json:"near,omitempty"`
	// Waiting are the ids of what waits for the operator.
	Waiting []string `json:"waiting,omitempty"`
	// Request is the one that was asked for.
	Request *Request `json:"request,omitempty"`
}

// statusWait is how long status waits for the answer to a request, so that who asks
// again and again does not do it all the time.
const statusWait = 10 * time.Second

func (o *Options) status(ctx context.Context, in statusIn) (Status, error) {
	st := Status{Bottle: o.Bottle, Started: o.Started.UTC().Truncate(time.Second), Counts: o.Counts()}
	var near []string
	if o.Spent != nil {
		st.Limits = o.Spent().Limits
	}
	for _, l := range st.Limits {
		if l.Near() {
			near = append(near, l.String())
		}
	}
	if len(near) > 0 {
		st.Near = "near a limit, at which requests are held for the operator or refused: " + strings.Join(near, "; ")
	}
	if in.Request != "" {
		r, err := o.outcome(ctx, in.Request, statusWait)
		if err != nil {
			return Status{}, err
		}
		st.Request = &r
	}
	for _, q := range o.Desk.List() {
		st.Waiting = append(st.Waiting, q.ID)
	}
	return st, nil
}
