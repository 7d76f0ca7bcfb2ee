package gitgate

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

// visit is one request.
type visit struct {
	g     *Gate
	w     http.ResponseWriter
	r     *http.Request
	call  *proxy.GateCall
	ctx   context.Context
	start time.Time

	host *host
	repo *repo
	tail string

	findings []proxy.EventFinding
	in, out  int64 // body bytes to the client, and to the server
	status   int
	long     bool         // the request holds one of Gate.requests
	begun    bool         // a decision is in the journal
	wire     func() int64 // what of a body arrived, if it is compressed
	cause    error        // of a refusal that is the server's fault, for the journal
}

// refusal is an answer in the server's place.
type refusal struct {
	status int
	rule   string
	text   string // what happened, and what to do
	upset  bool   // the server's fault, nothing was refused
}

// The rules that refusals name.
const (
	ruleRepo     = "git:repository"
	ruleRead     = "git:read-only"
	ruleProtocol = "git:protocol"
	ruleUpstream = "git:upstream"
	ruleJournal  = "journal"
	rulePush     = "git:push"
)

const advice = "Do not retry; ask the operator to allow it under git in bottle.yaml if it is needed."

func (v *visit) serve() {
	defer func() {
		if v.long {
			v.g.requests.Release(1)
		}
	}()
	if r := v.find(); r != nil {
		v.refuse(r)
		return
	}
	switch v.tail {
	case "/info/refs":
		v.serveRefs()
	case "/git-upload-pack":
		v.serveFetch()
	case "/git-receive-pack":
		v.servePush()
	default:
		v.serveLFS()
	}
}

// find looks up what the path names. The answer to what it does not name is one
// that git prints.
func (v *visit) find() *refusal {
	v.host = v.g.hosts[v.call.Host]
	if v.host == nil {
		return &refusal{http.StatusForbidden, ruleRepo, "the manifest has no host of that name under git. " + advice, false}
	}
	name, tail, ok := splitPath(v.call.Path)
	if !ok {
		return &refusal{http.StatusNotFound, ruleProtocol, "this is no request of git's smart protocol or LFS for a repository, and this host serves no others to git.", false}
	}
	v.repo, v.tail = v.host.repos[name], tail
	if v.repo == nil {
		return &refusal{http.StatusForbidden, ruleRepo, v.call.Redact("the repository " + name + " on " + v.host.Name + " is not one of those that were given to this bottle. " + advice), false}
	}
	return nil
}

// event is the common part of what is written about this request.
func (v *visit) event(t proxy.EventType) proxy.Event {
	return proxy.Event{Time: v.g.opt.Now(), Type: t, Proto: "git", Method: v.r.Method, Scheme: "https", Port: 443,
		Path: v.call.Redact(v.call.Path), Rule: v.rule()}
}

// rule names the entry of the manifest.
func (v *visit) rule() string {
	if v.repo == nil {
		return "git"
	}
	return "git:" + v.host.Name + "/" + v.repo.Path
}

// allow writes the decision, before anything goes upstream.
func (v *visit) allow() *refusal {
	e := v.event(proxy.EventDecision)
	e.Verdict, e.Findings = proxy.Allow, v.findings
	return v.record(&e)
}

func (v *visit) record(e *proxy.Event) *refusal {
	if err := v.call.Record(e); err != nil {
		return &refusal{http.StatusForbidden, ruleJournal, proxy.JournalRefusal(err), false}
	}
	v.begun = true
	return nil
}

// end writes what became of it.
func (v *visit) end(err error) {
	e := v.event(proxy.EventEnd)
	e.Status, e.BytesIn, e.BytesOut, e.Duration = v.status, v.in, v.out, e.Time.Sub(v.start)
	if err != nil {
		e.Error = v.call.Redact(err.Error())
	}
	_ = v.call.Record(&e) // the request is over either way
}

// note writes a refusal into the journal, as a decision if there was none.
func (v *visit) note(r *refusal) {
	e := v.event(proxy.EventDecision)
	e.Verdict, e.Rule, e.Reason, e.Status, e.Findings = proxy.Deny, r.rule, v.call.Redact(r.text), r.status, v.findings
	if v.cause == nil {
		v.cause = errors.New(r.text)
	}
	if v.begun {
		e.Type, e.BytesIn, e.BytesOut, e.Duration = proxy.EventEnd, v.in, v.out, e.Time.Sub(v.start)
		if r.upset {
			e.Verdict, e.Error, e.Reason = "", v.call.Redact(v.cause.Error()), ""
		}
	}
	_ = v.call.Record(&e) // it is refused either way
}

// refuse answers a request whose body the client shows, as it does for those that
// begin a fetch or a push. 401 would make it ask for a password.
func (v *visit) refuse(r *refusal) {
	v.status = r.status
	v.note(r)
	h := v.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Bottle-Rule", r.rule)
	h.Set("X-Content-Type-Options", "nosniff")
	v.w.WriteHeader(r.status)
	_, _ = io.WriteString(v.w, "bottle: "+r.text+"\n") // the client may be gone
}

// head begins an answer of git's.
func (v *visit) head(contentType string) {
	h := v.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "Fri, 01 Jan 1980 00:00:00 GMT")
	v.status = http.StatusOK
	v.w.WriteHeader(http.StatusOK)
}

// copyBuffer is what one answer holds while it streams.
const copyBuffer = 64 << 10

// relay streams an answer, as it comes.
func (v *visit) relay(r io.Reader) error {
	rc := http.NewResponseController(v.w)
	buf := make([]byte, copyBuffer)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := v.w.Write(buf[:n]); err != nil {
				return err
			}
			v.in += int64(n)
			if err := rc.Flush(); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// broken ends an answer that has begun and cannot be completed, so that the client
// does not take it for whole.
func (v *visit) broken(err error) {
	v.end(err)
	panic(http.ErrAbortHandler)
}
