package supervise

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bot-bottle/bottle/internal/manifest"
)

const (
	// callWait is how long a call waits for the answer: the clients give up on a
	// tool after a minute or more. What is open then can be asked for by status.
	callWait = 45 * time.Second
	// postWait is how long a question of the agent stays.
	postWait = 30 * time.Minute
	// The most that the agent may write, in bytes and entries.
	maxReason  = 500
	maxPattern = 200
	maxList    = 16
)

func (o *Options) addRequests(s *mcp.Server) {
	no := false
	asks := &mcp.ToolAnnotations{DestructiveHint: &no, IdempotentHint: true, OpenWorldHint: &no}
	addTool(s, &mcp.Tool{Name: "request_access", Annotations: asks, Description: "Asks the operator to let this bottle reach a host that is not allowed. " +
		"Give the reason in one sentence. Waits up to 45 seconds for the answer; when state is waiting then, call status with the request's id later. A denial is final: do not ask again."}, o.requestAccess)
	addTool(s, &mcp.Tool{Name: "request_secret_use", Annotations: asks, Description: "Asks the operator to let a secret of the manifest be used for a host: the proxy then puts it in where its placeholder stands. " +
		"You never see the value. Waits like request_access."}, o.requestSecret)
	addTool(s, &mcp.Tool{Name: "request_push", Annotations: asks, Description: pushTool}, o.requestPush)
}

const pushTool = "Asks the operator to let this bottle push a ref to a repository, where the rules refuse it. " +
	"Ask before you push, with the exact ref. A yes may be for one push, or for more; what is pushed is scanned either way. Waits like request_access."

type accessIn struct {
	URL     string   `json:"url" jsonschema:"the host or URL that is needed, such as https://api.example.com/"`
	Methods []string `json:"methods,omitempty" jsonschema:"the HTTP methods that are needed; GET when left out"`
	Paths   []string `json:"paths,omitempty" jsonschema:"patterns of the paths that are needed, such as /v1/**; all when left out"`
	Reason  string   `json:"reason" jsonschema:"what it is needed for, in one sentence"`
}

type secretIn struct {
	Secret string `json:"secret" jsonschema:"the name of the secret in the manifest"`
	URL    string `json:"url" jsonschema:"the host or URL that it is needed for"`
	Reason string `json:"reason" jsonschema:"what it is needed for, in one sentence"`
}

type pushIn struct {
	Repository string   `json:"repository" jsonschema:"the URL of the repository, such as https://github.com/org/repo"`
	Ref        string   `json:"ref" jsonschema:"the one ref that is to be pushed, such as refs/heads/feature; no pattern"`
	Operations []string `json:"operations,omitempty" jsonschema:"what is to be done to it, of create, update (by fast-forward), force and delete; create and update when left out"`
	Reason     string   `json:"reason" jsonschema:"what it is needed for, in one sentence"`
}

// Request is how a request of the agent stands.
type Request struct {
	Request string `json:"request,omitempty"` // its id, for status
	// State is waiting, allowed or denied.
	State  string `json:"state"`
	Scope  Scope  `json:"scope,omitempty"`
	Reason string `json:"reason,omitempty"`
}

func (o *Options) requestAccess(ctx context.Context, in accessIn) (Request, error) {
	if len(in.Methods) == 0 {
		in.Methods = []string{"GET"}
	}
	for i, m := range in.Methods {
		in.Methods[i] = strings.ToUpper(m)
	}
	q := Question{Kind: KindAccess, Methods: in.Methods, Paths: in.Paths, Reason: in.Reason}
	return o.request(ctx, q, in.URL)
}

func (o *Options) requestSecret(ctx context.Context, in secretIn) (Request, error) {
	return o.request(ctx, Question{Kind: KindSecret, Secret: in.Secret, Reason: in.Reason}, in.URL)
}

func (o *Options) requestPush(ctx context.Context, in pushIn) (Request, error) {
	q := Question{Kind: KindPushRule, Scheme: "https", Port: 443, Ref: in.Ref, Operations: in.Operations, Repository: in.Repository, Reason: in.Reason}
	if err := bounded(&q); err != nil {
		return Request{}, err
	}
	w, err := o.Manifest().PushWantOf(in.Repository, in.Ref, in.Operations)
	if err != nil {
		return Request{}, err
	}
	q.Host, q.Repository, q.Ref, q.Operations = w.Host, w.Repo, w.Ref, nil
	for _, op := range w.Operations {
		q.Operations = append(q.Operations, string(op))
	}
	return o.post(ctx, q)
}

// request puts a question about a URL and waits a while.
func (o *Options) request(ctx context.Context, q Question, url string) (Request, error) {
	t, err := manifest.TargetOf("GET", url)
	if err != nil {
		return Request{}, fmt.Errorf("url: %w", err)
	}
	if err := bounded(&q); err != nil {
		return Request{}, err
	}
	q.Scheme, q.Host, q.Port = t.Scheme, t.Host, t.Port
	return o.post(ctx, q)
}

func (o *Options) post(ctx context.Context, q Question) (Request, error) {
	q.ID, q.Bottle = "r-"+strings.ToLower(rand.Text()[:8]), o.Bottle
	if o.Desk.Reach != nil {
		if _, err := o.Desk.Reach(q); err != nil {
			return without(q, err)
		}
	}
	id, err := o.Desk.Post(q, postWait)
	if err != nil {
		return Request{}, err
	}
	return o.outcome(ctx, id, callWait)
}

// without answers a question whose yes would change nothing.
func without(q Question, why error) (Request, error) {
	if errors.Is(why, manifest.ErrPushAllowed) || q.Kind == KindAccess && errors.Is(why, manifest.ErrAllowed) {
		return Request{State: "allowed", Reason: why.Error()}, nil
	}
	return Request{}, fmt.Errorf("the operator was not asked, since a yes would change nothing: %w", why)
}

// bounded holds what the agent writes to what a person can be shown.
func bounded(q *Question) error {
	switch {
	case strings.TrimSpace(q.Reason) == "":
		return errors.New("a reason is needed: the operator decides by it")
	case len(q.Reason) > maxReason:
		return fmt.Errorf("the reason has %d bytes, of at most %d", len(q.Reason), maxReason)
	case len(q.Methods) > maxList || len(q.Paths) > maxList || len(q.Operations) > maxList:
		return fmt.Errorf("at most %d methods and paths can be asked for at once", maxList)
	}
	for _, s := range q.Paths {
		if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == ',' }) {
			return errors.New("a path has a space or a comma, which the operator could take for words of the question: write * for it")
		}
	}
	for _, s := range slices.Concat([]string{q.Secret, q.Ref, q.Repository}, q.Methods, q.Paths, q.Operations) {
		if len(s) > maxPattern {
			return fmt.Errorf("a method, path, ref or name has %d bytes, of at most %d", len(s), maxPattern)
		}
	}
	return nil
}

// outcome says how a request stands.
func (o *Options) outcome(ctx context.Context, id string, wait time.Duration) (Request, error) {
	out, err := o.Desk.Outcome(ctx, id, wait)
	switch {
	case err != nil:
		return Request{}, err
	case out.Open:
		return Request{Request: id, State: "waiting", Reason: "the operator has not answered yet: ask status with this request's id later, and do something else meanwhile"}, nil
	case out.Allow:
		return Request{Request: id, State: "allowed", Scope: out.Scope, Reason: out.Reason}, nil
	}
	return Request{Request: id, State: "denied", Scope: out.Scope, Reason: out.Reason}, nil
}
