package gitgate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate/pack"
	"github.com/bot-bottle/bottle/gitgate/pktline"
	"github.com/bot-bottle/bottle/gitgate/policy"
	"github.com/bot-bottle/bottle/gitgate/scan"
	"github.com/bot-bottle/bottle/proxy"
)

// Push says what may be pushed to a repository.
type Push struct {
	Rules policy.Rules
	// Options lets push options through, which are for programs at the server. They
	// are scanned.
	Options bool
	// Ask has the operator decide each push that the rules allow.
	Ask bool
	// AskRefs are refs of which each push is decided so, by their names in full.
	AskRefs []string
	// MaxObject and MaxPack bound an object and a push in bytes; 0 is the default of
	// package pack.
	MaxObject, MaxPack int64
}

// pushVisit is a push on its way.
type pushVisit struct {
	*visit
	push   *pktline.Push
	answer *pushAnswer
	pack   *pack.Pack // nil if everything is deleted
	scan   *scan.Scan
	recent policy.Recent
	memory *memory
}

// servePush reads a push whole, decides, and forwards it or says why not. Nothing
// of it has left before the decision.
func (v *visit) servePush() {
	if r := v.checkPost(receivePack); r != nil {
		v.refuse(r)
		return
	}
	body, err := v.plainBody()
	if err != nil {
		v.refusePush(err)
		return
	}
	in := bufio.NewReaderSize(body, copyBuffer)
	push, err := pktline.ReadPush(pktline.NewReader(in))
	if err != nil {
		v.refusePush(err)
		return
	}
	if len(push.Commands) == 0 { // whether the server is there
		v.head("application/x-git-receive-pack-result")
		return
	}
	p := &pushVisit{visit: v, push: push}
	p.answer = newPushAnswer(v, push)
	defer p.answer.stop()
	p.serve(in)
}

// refusePush refuses what could not be read, and of which it is not known what the
// client understands. Each that sends commands knows side-bands.
func (v *visit) refusePush(err error) {
	r := bodyRefusal(err)
	v.note(r)
	v.head("application/x-git-receive-pack-result")
	_, _ = pktline.NewSideband(v.w, pktline.BandError).Write([]byte("bottle: " + r.text + "\n"))
	_, _ = io.WriteString(v.w, pktline.FlushPacket) // the client may be gone
}

func (p *pushVisit) serve(in io.Reader) {
	if r := p.refused(); r != nil {
		p.deny(r)
		return
	}
	if err := p.g.spools.Acquire(p.ctx, 1); err != nil {
		p.deny(packRefusal(err))
		return
	}
	defer p.g.spools.Release(1)
	p.memory = p.newMemory()
	defer p.memory.release()
	defer p.close()
	if err := p.receive(in); err != nil {
		p.deny(packRefusal(err))
		return
	}
	p.answer.say("bottle: the push has arrived, it is looked through")
	r, err := p.repo.policy.Check(p.ctx, p.decided())
	if err != nil {
		r = &policy.Refusal{Rule: rulePush, Others: "it could not be decided: " + err.Error()}
	}
	if r == nil {
		r = p.ask()
	}
	if r == nil && p.ctx.Err() != nil { // nobody waits for it any more
		r = &policy.Refusal{Rule: rulePush, Others: "the client went away"}
	}
	if r != nil {
		p.deny(r)
		return
	}
	p.forward()
}

// decided is the push as the policy decides it.
func (p *pushVisit) decided() policy.Push {
	return policy.Push{Commands: p.push.Commands, Options: p.push.Options, Pack: p.pack, Scan: p.scan,
		Upstream: &objects{visit: p.visit, format: p.push.Format, reserve: p.memory.reserve}, Recent: &p.recent}
}

// refused decides what the names of refs tell, before the pack is read.
func (p *pushVisit) refused() *policy.Refusal {
	if p.push.Capabilities.Has("push-options") && !p.repo.Push.Options {
		return &policy.Refusal{Rule: rulePush, Others: "push options are not allowed here", Lines: []string{"Push without -o; the operator can allow them in bottle.yaml."}}
	}
	return p.repo.policy.CheckRefs(p.push.Commands)
}

// receive takes in the pack, and has it scanned while it arrives.
func (p *pushVisit) receive(in io.Reader) error {
	scanner := p.call.Scanner()
	p.scan = scan.New(p.push.Format, scanner, p.stops)
	p.scan.Watch(p.repo.policy.Watch())
	p.answer.after(func() { p.call.Release(scanner) })
	if !p.push.HasPack() {
		return p.atEnd(in)
	}
	counted := &countReader{Reader: in, n: &p.out}
	got, err := pack.Receive(p.ctx, counted, pack.Options{
		Format: p.push.Format, Visitor: p.scan, Dir: p.g.opt.TempDir, Now: p.g.opt.Now,
		Limits: pack.Limits{Object: p.repo.Push.MaxObject, Pack: p.repo.Push.MaxPack}, Reserve: p.memory.reserve,
		Wire: p.wire,
	})
	if err != nil {
		return err
	}
	p.pack = got
	return p.memory.reserve(commitMemory(p.scan.Commits()))
}

// commitMemory is what the scan holds of commits, and the decision about as much.
func commitMemory(commits []scan.Commit) (n int64) {
	for _, c := range commits {
		n += 2*scan.CommitMemory + int64(len(c.Parents))*scan.ParentMemory
	}
	return n
}

// atEnd wants nothing more.
func (p *pushVisit) atEnd(in io.Reader) error {
	var b [1]byte
	switch n, err := in.Read(b[:]); {
	case n > 0:
		return fmt.Errorf("%w: there is more behind a push that only deletes", pktline.ErrMalformed)
	case err != nil && !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

// stops says whether a finding stops the push. It is noted either way.
func (p *pushVisit) stops(f dlp.Finding) bool {
	events, _, why := p.call.Judge([]dlp.Finding{f}, "push")
	if len(p.findings) < maxEventFindings {
		p.findings = append(p.findings, events...)
	}
	return why != ""
}

// maxEventFindings is how many findings a journal line has.
const maxEventFindings = 64

func (p *pushVisit) close() {
	if p.pack != nil {
		_ = p.pack.Close() // nothing was written that could be lost
	}
}

// ask has the operator decide, while the client waits.
func (p *pushVisit) ask() *policy.Refusal {
	var refs []string
	about := p.repo.Push.Ask
	for _, c := range p.push.Commands {
		refs = append(refs, c.Ref)
		about = about || slices.Contains(p.repo.Push.AskRefs, c.Ref)
	}
	if !about {
		return nil
	}
	detail, err := p.repo.policy.Summarise(p.ctx, p.decided())
	if err != nil {
		return &policy.Refusal{Rule: rulePush, Others: "it could not be told to the operator: " + err.Error()}
	}
	for i, line := range detail {
		detail[i] = p.call.Redact(line)
	}
	p.answer.tell("bottle: the push waits for the operator")
	if why := p.call.Ask(p.ctx, "PUSH", p.rule(), p.findings, detail, refs...); why != "" {
		return &policy.Refusal{Rule: rulePush, Others: why}
	}
	return nil
}

// packRefusal is about a pack that was not taken.
func packRefusal(err error) *policy.Refusal {
	var limit *pack.LimitError
	r := &policy.Refusal{Rule: rulePush, Others: "the pack is not accepted: " + err.Error()}
	switch {
	case errors.As(err, &limit):
		r.Lines = []string{"Push fewer commits at once, and without large files; the operator can change git: limits in bottle.yaml."}
	case errors.Is(err, pack.ErrThin):
		r.Lines = []string{"Push again: git push --no-thin."}
	case errors.Is(err, context.Canceled), errors.Is(err, io.ErrUnexpectedEOF):
		r.Others = "the push did not arrive whole"
	}
	return r
}

// deny refuses all refs.
func (p *pushVisit) deny(r *policy.Refusal) {
	p.status = http.StatusOK
	reason := func(ref string) string { return p.call.Redact(r.Refs[ref]) }
	others := p.call.Redact(r.Others)
	told, rest := p.toldRefs(func(c pktline.Command) bool { return r.Refs[c.Ref] != "" })
	for _, c := range told {
		e := p.refEvent(c)
		e.Verdict, e.Rule, e.Status = proxy.Deny, r.Rule, http.StatusOK
		if e.Reason = reason(c.Ref); e.Reason == "" {
			e.Reason = others
		}
		_ = p.call.Record(&e) // it is refused either way
	}
	if len(rest) > 0 {
		e := p.restEvent(rest)
		e.Verdict, e.Rule, e.Status = proxy.Deny, r.Rule, http.StatusOK
		_ = p.call.Record(&e) // as above
	}
	report := pktline.Refuse(p.push.Commands, reason, others)
	p.answer.end(p.push.Answer(report, p.text(r)))
}

// text is what the client prints.
func (p *pushVisit) text(r *policy.Refusal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "bottle: the push to %s/%s was refused, nothing of it was sent.\n", p.host.Name, p.repo.Path)
	for _, c := range p.push.Commands {
		if why := r.Refs[c.Ref]; why != "" {
			fmt.Fprintf(&b, "  %s: %s\n", c.Ref, why)
		}
	}
	if r.Others != "" && len(r.Refs) == 0 {
		fmt.Fprintf(&b, "  %s\n", r.Others)
	}
	for _, line := range r.Lines {
		b.WriteString(line + "\n")
	}
	return p.call.Redact(b.String())
}

func (p *pushVisit) refEvent(c pktline.Command) proxy.Event {
	e := p.pushEvent()
	e.Ref, e.Old, e.New = p.call.Redact(c.Ref), c.Old.String(), c.New.String()
	return e
}

func (p *pushVisit) pushEvent() proxy.Event {
	e := p.event(proxy.EventDecision)
	if e.Method, e.Findings = "PUSH", p.findings; p.pack != nil {
		e.Objects = p.pack.Len()
	}
	return e
}

// forward sends the push as it was understood and relays the answer.
func (p *pushVisit) forward() {
	if r := p.allowRefs(); r != nil {
		p.deny(&policy.Refusal{Rule: r.rule, Others: r.text})
		return
	}
	commands := p.push.Append(nil, p.g.opt.Agent)
	req := serviceRequest{repo: p.repo.Path, service: receivePack, body: func() io.Reader { return bytes.NewReader(commands) }, size: int64(len(commands))}
	if p.pack != nil {
		req.body = func() io.Reader { return io.MultiReader(bytes.NewReader(commands), p.pack.Reader()) }
		req.size += p.pack.Bytes()
	}
	p.out = req.size
	body, err := p.host.upstream.call(p.ctx, p.call, req)
	if err != nil {
		r := p.upstreamRefusal(err)
		report := pktline.Refuse(p.push.Commands, func(string) string { return "" }, "upstream: "+r.text)
		p.status = http.StatusOK
		p.answer.end(p.push.Answer(report, "bottle: "+r.text+"\n"))
		p.end(p.cause)
		return
	}
	defer func() { _ = body.Close() }()
	p.answer.pass()
	var report reportBuffer
	if err := p.relay(io.TeeReader(body, &report)); err != nil {
		p.broken(err)
	}
	if report.tookAll(p.push) {
		p.repo.policy.Remember(&p.recent)
	}
	p.end(nil)
}

// allowRefs writes the decisions, before anything goes upstream.
func (p *pushVisit) allowRefs() *refusal {
	told, rest := p.toldRefs(nil)
	for _, c := range told {
		e := p.refEvent(c)
		e.Verdict = proxy.Allow
		if r := p.record(&e); r != nil {
			return r
		}
	}
	if len(rest) == 0 {
		return nil
	}
	e := p.restEvent(rest)
	e.Verdict = proxy.Allow
	return p.record(&e)
}

// countReader counts what is read.
type countReader struct {
	io.Reader
	n *int64
}

func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.n += int64(n)
	return n, err
}
