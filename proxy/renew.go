package proxy

import (
	"io"
	"net/http"
	"slices"
	"time"
)

// restore is what stood in a place of the request before a credential did.
type restore struct {
	header string // "" is the query
	index  int
	text   string
}

// maxRefusal bounds what is read of an answer that nobody gets, so that its
// connection can be used again.
const maxRefusal = 64 << 10

// resend is for an upstream that refuses a credential (401): one that can be renewed
// is, and a request whose body is there in full is sent once more with it, so that
// the agent never notices. It returns nil where the answer stands.
func (x *exchange) resend(out *http.Request, refused *http.Response) *http.Request {
	if refused.StatusCode != http.StatusUnauthorized || !x.renewLent() || !x.replayable(out) {
		return nil
	}
	again, d := x.reinject(out)
	if d != nil {
		return nil // the refusal says more to the agent than this would
	}
	_, _ = io.CopyN(io.Discard, refused.Body, maxRefusal)
	refused.Body.Close()
	return again
}

// renewLent renews what was put into the head, and reports whether something of it
// is another now.
func (x *exchange) renewLent() bool {
	renewed := false
	for _, l := range x.headLent {
		st, was := l.of, l.value
		if st.Renew == nil {
			continue
		}
		is, err := st.Renew(x.ctx, was)
		e := &Event{Time: time.Now(), Type: EventNote, ID: x.id, Session: x.session, Host: x.shownHost(), Port: x.target.Port, Secrets: []string{st.Name}}
		switch {
		case err != nil:
			x.s.log.Warn("a credential was refused and cannot be renewed", "name", st.Name, "error", err)
			e.Reason, e.Error = "the upstream refused the credential, which cannot be renewed", x.redact(err.Error())
		case is != was:
			renewed = true
			e.Reason = "the upstream refused the credential, which was renewed"
		}
		if e.Reason != "" {
			_ = x.s.record(e) // the decision stands already
		}
	}
	return renewed
}

// replayable reports whether the request can be sent a second time: nothing of its
// body has to be kept for that, no credential is in it, and no signature is of what
// would change.
func (x *exchange) replayable(out *http.Request) bool {
	whole := out.Body == nil || out.Body == http.NoBody || out.GetBody != nil
	return whole && !x.signed && !x.bodyLent // which only the reader of a stream changes from here on
}

// reinject puts the new credentials where the old ones were, in a request of its own:
// an upstream that answers early may still be sent the one that it refused.
func (x *exchange) reinject(out *http.Request) (*http.Request, *denial) {
	x.out = x.out.WithContext(out.Context())
	u := *x.out.URL
	x.out.URL, x.out.Header = &u, x.out.Header.Clone()
	// The last first: of two in one place, the first knows what the agent wrote.
	for _, r := range slices.Backward(x.restores) {
		if r.header == "" {
			x.out.URL.RawQuery = r.text
		} else {
			x.out.Header[r.header][r.index] = r.text
		}
	}
	x.restores = nil
	if d := x.injectHead(); d != nil {
		return nil, d
	}
	again := x.out
	if x.out.GetBody != nil {
		body, err := x.out.GetBody()
		if err != nil {
			return nil, badBody("cannot be sent again")
		}
		again.Body = body
	}
	return again, nil
}
