package gitgate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	lfsType = "application/vnd.git-lfs+json"
	// maxLFSObjects bounds the objects of one batch; git-lfs asks for 100.
	maxLFSObjects = 1000
	// maxLFSRequest and maxLFSAnswer bound the JSON of a batch, in bytes.
	maxLFSRequest = 1 << 20
	maxLFSAnswer  = 16 << 20
	// lfsTicketTail is where the objects themselves are, on the gate.
	lfsTicketTail = lfsTail + "bottle/"
)

// lfsBatch is a request of git-lfs for objects
// (https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md). What else it has
// is not forwarded.
type lfsBatch struct {
	Operation string      `json:"operation"`
	Transfers []string    `json:"transfers,omitempty"`
	Ref       *lfsRef     `json:"ref,omitempty"`
	Objects   []lfsObject `json:"objects"`
	HashAlgo  string      `json:"hash_algo,omitempty"`
}

type lfsRef struct {
	Name string `json:"name"`
}

type lfsObject struct {
	OID           string               `json:"oid"`
	Size          int64                `json:"size"`
	Authenticated bool                 `json:"authenticated,omitempty"`
	Actions       map[string]lfsAction `json:"actions,omitempty"`
	Error         *lfsError            `json:"error,omitempty"`
}

type lfsAction struct {
	Href      string            `json:"href"`
	Header    map[string]string `json:"header,omitempty"`
	ExpiresIn int64             `json:"expires_in,omitempty"`
}

type lfsError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

type lfsAnswer struct {
	Transfer string      `json:"transfer,omitempty"`
	Objects  []lfsObject `json:"objects"`
	HashAlgo string      `json:"hash_algo,omitempty"`
}

var lfsOID = regexp.MustCompile(`^[0-9a-f]{64}$`)

// serveLFS answers git-lfs.
func (v *visit) serveLFS() {
	up, ok := v.host.upstream.(*httpUpstream)
	token, isTicket := strings.CutPrefix(v.tail, lfsTicketTail)
	switch {
	case !ok:
		v.refuseLFS(&refusal{http.StatusNotFound, ruleProtocol, "LFS is only served for hosts that the gate reaches by https.", false})
	case isTicket:
		v.serveTicket(up, token)
	case v.tail == lfsTail+"objects/batch" && v.r.Method == http.MethodPost:
		v.serveBatch(up)
	default: // locks among them, which git-lfs can do without
		v.refuseLFS(&refusal{http.StatusNotFound, ruleProtocol, "this part of LFS is not served.", false})
	}
}

// refuseLFS refuses in the form that git-lfs prints.
func (v *visit) refuseLFS(r *refusal) {
	v.status = r.status
	v.note(r)
	v.writeJSON(r.status, map[string]string{"message": "bottle: " + r.text})
}

func (v *visit) writeJSON(status int, value any) {
	b, err := json.Marshal(value)
	if err != nil { // it has only texts and numbers
		panic(err)
	}
	h := v.w.Header()
	h.Set("Content-Type", lfsType)
	h.Set("Cache-Control", "no-store")
	v.status = status
	v.w.WriteHeader(status)
	n, _ := v.w.Write(b) // the client may be gone
	v.in += int64(n)
}

func (v *visit) serveBatch(up *httpUpstream) {
	batch, r := v.readBatch()
	if r == nil && batch.Operation == "upload" {
		r = v.askUpload(batch)
	}
	if r == nil {
		r = v.allow()
	}
	if r != nil {
		v.refuseLFS(r)
		return
	}
	answer, err := v.forwardBatch(up, batch)
	if err != nil {
		v.refuseLFS(v.upstreamRefusal(err))
		return
	}
	for i := range answer.Objects {
		if err := v.exchangeActions(batch, &answer.Objects[i]); err != nil {
			v.refuseLFS(v.upstreamRefusal(err))
			return
		}
	}
	v.writeJSON(http.StatusOK, answer)
	v.end(nil)
}

// readBatch reads, scans and checks a batch.
func (v *visit) readBatch() (*lfsBatch, *refusal) {
	body, err := v.body(maxLFSRequest)
	if err != nil {
		return nil, bodyRefusal(err)
	}
	if r := v.scanText(body); r != nil {
		return nil, r
	}
	var b lfsBatch
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, &refusal{http.StatusBadRequest, ruleProtocol, "the batch is not one of LFS.", false}
	}
	switch {
	case b.Operation != "download" && b.Operation != "upload":
		return nil, &refusal{http.StatusBadRequest, ruleProtocol, "the operation is neither download nor upload.", false}
	case b.Operation == "upload" && v.repo.Push == nil:
		return nil, v.readOnly()
	case b.HashAlgo != "" && b.HashAlgo != "sha256", len(b.Objects) > maxLFSObjects:
		return nil, &refusal{http.StatusUnprocessableEntity, ruleProtocol, fmt.Sprintf("objects are named by sha256, and at most %d at a time.", maxLFSObjects), false}
	case slices.ContainsFunc(b.Objects, func(o lfsObject) bool { return !lfsOID.MatchString(o.OID) || o.Size < 0 }):
		return nil, &refusal{http.StatusUnprocessableEntity, ruleProtocol, "an object has no name or size that LFS gives it.", false}
	}
	b.Transfers = []string{"basic"}
	for i := range b.Objects {
		b.Objects[i] = lfsObject{OID: b.Objects[i].OID, Size: b.Objects[i].Size}
	}
	return &b, nil
}

func (v *visit) forwardBatch(up *httpUpstream, b *lfsBatch) (*lfsAnswer, error) {
	body, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	v.out = int64(len(body))
	at := up.url(v.repo.Path).JoinPath("info", "lfs", "objects", "batch")
	req, err := http.NewRequestWithContext(v.ctx, http.MethodPost, at.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", lfsType)
	req.Header.Set("Accept", lfsType)
	if err := up.authorize(v.call, req); err != nil {
		return nil, err
	}
	resp, err := v.call.Transport(up.host.Private).RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(up.host.URL.Hostname(), resp)
	}
	var answer lfsAnswer
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxLFSAnswer)).Decode(&answer); err != nil {
		return nil, &upstreamError{http.StatusBadGateway, up.host.URL.Hostname() + " does not answer as LFS does"}
	}
	if answer.Transfer != "" && answer.Transfer != "basic" {
		return nil, &upstreamError{http.StatusBadGateway, up.host.URL.Hostname() + " wants a way of transfer that is not served"}
	}
	return &answer, nil
}

// exchangeActions puts tickets where the places and headers of objects are, which
// stay on the host: the headers are credentials.
func (v *visit) exchangeActions(b *lfsBatch, o *lfsObject) error {
	if !slices.ContainsFunc(b.Objects, func(asked lfsObject) bool { return asked.OID == o.OID }) {
		return &upstreamError{http.StatusBadGateway, "the server answers for objects that were not asked for"}
	}
	if o.Error != nil {
		o.Error.Message = v.call.Redact(o.Error.Message)
	}
	for name, a := range o.Actions {
		if name != b.Operation && (name != "verify" || b.Operation != "upload") {
			delete(o.Actions, name)
			continue
		}
		u, err := url.Parse(a.Href)
		if err != nil || u.Hostname() == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			return &upstreamError{http.StatusBadGateway, "the server says that an object is where no https:// leads"}
		}
		token, err := v.g.lfs.issue(ticket{action: name, oid: o.OID, size: o.Size, url: u, header: a.Header, host: v.host.Name, repo: v.repo.Path})
		if err != nil {
			return err
		}
		o.Actions[name] = lfsAction{Href: v.call.Base + "/" + v.repo.Path + lfsTicketTail + token, ExpiresIn: int64(ticketTime / time.Second)}
	}
	o.Authenticated = true // nothing else is wanted of the client
	return nil
}

// scanText has a short body scanned.
func (v *visit) scanText(body []byte) *refusal {
	sc := v.call.Scanner()
	defer v.call.Release(sc)
	events, rule, why := v.call.Judge(slices.Concat(sc.Write(body), sc.Close()), "body")
	v.findings = append(v.findings, events...)
	if why != "" {
		return &refusal{http.StatusBadRequest, rule, why, false}
	}
	return nil
}

// errNoTicket is for a ticket that was used, or never issued.
var errNoTicket = errors.New("this URL of an LFS object was used already or has expired: run git lfs again")

var rangeSyntax = regexp.MustCompile(`^bytes=[0-9]+-[0-9]*$`)

// serveTicket moves an object.
func (v *visit) serveTicket(up *httpUpstream, token string) {
	t, err := v.g.lfs.take(token, v.host.Name, v.repo.Path)
	if err != nil {
		v.refuseLFS(&refusal{http.StatusNotFound, ruleProtocol, err.Error() + ".", false})
		return
	}
	switch {
	case t.action != "download" && v.repo.Push == nil: // it was taken away since
		v.refuseLFS(v.readOnly())
	case t.action == "download" && v.r.Method == http.MethodGet:
		v.download(up, t)
	case t.action == "upload" && v.r.Method == http.MethodPut:
		v.upload(up, t)
	case t.action == "verify" && v.r.Method == http.MethodPost:
		v.verify(up, t)
	default:
		v.refuseLFS(&refusal{http.StatusMethodNotAllowed, ruleProtocol, "the URL is for another method.", false})
	}
}

func (v *visit) download(up *httpUpstream, t ticket) {
	if r := v.allow(); r != nil {
		v.refuseLFS(r)
		return
	}
	resp, err := v.send(up, t, http.MethodGet, nil, 0)
	if err != nil {
		v.refuseLFS(v.upstreamRefusal(err))
		return
	}
	defer func() { _ = resp.Body.Close() }()
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	for _, name := range []string{"Content-Length", "Content-Range"} {
		if value := resp.Header.Get(name); value != "" {
			h.Set(name, value)
		}
	}
	v.status = resp.StatusCode
	v.w.WriteHeader(resp.StatusCode)
	if err := v.relay(resp.Body); err != nil {
		v.broken(err)
	}
	v.end(nil)
}

// verify tells the server that an object was uploaded. What the client says is
// known already.
func (v *visit) verify(up *httpUpstream, t ticket) {
	body, err := json.Marshal(lfsObject{OID: t.oid, Size: t.size})
	if err != nil { // it has only texts and numbers
		panic(err)
	}
	if r := v.allow(); r != nil {
		v.refuseLFS(r)
		return
	}
	resp, err := v.send(up, t, http.MethodPost, bytes.NewReader(body), int64(len(body)))
	if err != nil {
		v.refuseLFS(v.upstreamRefusal(err))
		return
	}
	_ = resp.Body.Close()
	v.writeJSON(http.StatusOK, struct{}{})
	v.end(nil)
}

// send asks for what a ticket stands for.
func (v *visit) send(up *httpUpstream, t ticket, method string, body io.Reader, size int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(v.ctx, method, t.url.String(), body)
	if err != nil {
		return nil, err
	}
	req.ContentLength, v.out = size, size
	switch method {
	case http.MethodPut:
		req.Header.Set("Content-Type", "application/octet-stream")
	case http.MethodPost:
		req.Header.Set("Content-Type", lfsType)
		req.Header.Set("Accept", lfsType)
	case http.MethodGet:
		if r := v.r.Header.Get("Range"); rangeSyntax.MatchString(r) {
			req.Header.Set("Range", r)
		}
	}
	for name, value := range t.header {
		req.Header.Set(name, value)
	}
	same := t.url.Scheme == up.host.URL.Scheme && t.url.Host == up.host.URL.Host
	if same && req.Header.Get("Authorization") == "" {
		if err := up.authorize(v.call, req); err != nil {
			return nil, err
		}
	}
	resp, err := v.call.Transport(same && up.host.Private).RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		_ = resp.Body.Close()
		return nil, statusError(t.url.Hostname(), resp)
	}
	return resp, nil
}
