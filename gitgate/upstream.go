package gitgate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/bot-bottle/bottle/proxy"
)

// The services of git's smart protocols.
const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
)

// upstream is a server.
type upstream interface {
	// advertise returns what a service says first, from its first packet up to its
	// flush; without the line "# service=" that http has before.
	advertise(ctx context.Context, c *proxy.GateCall, repo, service, protocol string) (io.ReadCloser, error)
	// call sends a request and returns what is answered, as it comes. The end of
	// the answer is that of the request.
	call(ctx context.Context, c *proxy.GateCall, req serviceRequest) (io.ReadCloser, error)
}

// serviceRequest is what is sent to a service.
type serviceRequest struct {
	repo, service string
	protocol      string           // of the header Git-Protocol, or ""
	body          func() io.Reader // called again where it is sent again
	size          int64            // of body
	lists         bool             // see listsRefs
}

// upstreamError is an answer of a server that is none of git's, or a way to it that
// is not there. The text may be shown to the agent.
type upstreamError struct {
	status int
	text   string
}

func (e *upstreamError) Error() string { return e.text }

// credentialError is why there is no credential. The reason is for the operator.
type credentialError struct {
	host string
	err  error
}

func (e *credentialError) Error() string {
	return "the credential for " + e.host + ": " + e.err.Error()
}
func (e *credentialError) Unwrap() error { return e.err }

// upstreamRefusal is the answer to the client when the server gave none.
func (v *visit) upstreamRefusal(err error) *refusal {
	v.cause = err
	if status, rule, text, stopped := v.call.Stopped(); stopped {
		return &refusal{status, rule, text, false}
	}
	var secret *credentialError
	if errors.As(err, &secret) {
		return &refusal{http.StatusBadGateway, ruleUpstream, "the credential for " + secret.host + " cannot be had; the operator finds the reason in the journal", true}
	}
	var up *upstreamError
	if errors.As(err, &up) {
		return &refusal{up.status, ruleUpstream, up.text, true}
	}
	status, text := proxy.UpstreamFailure(v.host.URL.Hostname(), err)
	return &refusal{status, ruleUpstream, text, true}
}

// statusError says what an answer other than 200 means. Never 401: the client
// would ask for a password, which the agent does not have.
func statusError(host string, resp *http.Response) error {
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized:
		return &upstreamError{http.StatusBadGateway, host + " does not accept the credential that bottle holds for it (401): the operator has to look at git: auth in bottle.yaml"}
	case code == http.StatusForbidden:
		return &upstreamError{http.StatusForbidden, host + " refuses this to the credential that bottle holds for it (403): the operator can see what it may do there"}
	case code == http.StatusNotFound:
		return &upstreamError{http.StatusNotFound, host + " has no such repository, or does not show it to the credential that bottle holds (404)"}
	case code >= 300 && code < 400:
		return &upstreamError{http.StatusBadGateway, fmt.Sprintf("%s answers with a redirect (%d), which is not followed because it would carry the credential along: the repository was renamed or has another path; the operator can put the new one into bottle.yaml", host, code)}
	default:
		return &upstreamError{http.StatusBadGateway, fmt.Sprintf("%s answers with the status %d", host, code)}
	}
}
