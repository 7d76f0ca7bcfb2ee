package gitgate

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/bot-bottle/bottle/gitgate/pktline"
	"github.com/bot-bottle/bottle/proxy"
)

// httpUpstream is a server that speaks https.
type httpUpstream struct{ host *Host }

// url is that of a repository. Forges redirect a path without ".git", which is
// not followed; those of Azure know none with it.
func (u *httpUpstream) url(repo string) *url.URL {
	if !strings.HasSuffix(repo, ".git") && !strings.Contains("/"+repo, "/_git/") {
		repo += ".git"
	}
	return u.host.URL.JoinPath(repo)
}

func (u *httpUpstream) advertise(ctx context.Context, c *proxy.GateCall, repo, service, protocol string) (io.ReadCloser, error) {
	at := u.url(repo).JoinPath("info", "refs")
	at.RawQuery = "service=" + service
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := u.do(c, req, protocol, "application/x-"+service+"-advertisement") //nolint:bodyclose // body closes it
	if err != nil {
		return nil, err
	}
	body := &readCloser{bufio.NewReaderSize(resp.Body, 16<<10), resp.Body}
	if err := skipService(body.Reader.(*bufio.Reader), service); err != nil {
		_ = body.Close()
		return nil, &upstreamError{http.StatusBadGateway, u.host.URL.Hostname() + ": " + err.Error()}
	}
	return body, nil
}

// skipService reads "# service=NAME" and its flush, which a server of the second
// version may leave out.
func skipService(r *bufio.Reader, service string) error {
	line := pktline.Append(nil, "# service="+service+"\n")
	if head, err := r.Peek(len(line) + 4); err != nil || string(head) != string(line)+pktline.FlushPacket {
		if head, err := r.Peek(4 + len("version 2")); err == nil && string(head[4:]) == "version 2" {
			return nil
		}
		return fmt.Errorf("%w: the answer does not begin with the service", pktline.ErrMalformed)
	}
	_, err := r.Discard(len(line) + 4)
	return err
}

func (u *httpUpstream) call(ctx context.Context, c *proxy.GateCall, r serviceRequest) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url(r.repo).JoinPath(r.service).String(), r.body())
	if err != nil {
		return nil, err
	}
	req.ContentLength = r.size
	req.Header.Set("Content-Type", "application/x-"+r.service+"-request")
	resp, err := u.do(c, req, r.protocol, "application/x-"+r.service+"-result")
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// do sends a request with the credential. The transport follows no redirect.
func (u *httpUpstream) do(c *proxy.GateCall, req *http.Request, protocol, want string) (*http.Response, error) {
	req.Header.Set("User-Agent", "git/2 (bottle)") // forges answer a browser with pages
	req.Header.Set("Accept", want)
	if protocol != "" {
		req.Header.Set("Git-Protocol", protocol)
	}
	if err := u.authorize(c, req); err != nil {
		return nil, err
	}
	resp, err := c.Transport(u.host.Private).RoundTrip(req)
	if err != nil {
		return nil, err
	}
	name := u.host.URL.Hostname()
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, statusError(name, resp)
	}
	if got := resp.Header.Get("Content-Type"); got != want {
		_ = resp.Body.Close()
		return nil, &upstreamError{http.StatusBadGateway, name + " answers, but not as a git server does (its URL may be wrong in bottle.yaml)"}
	}
	return resp, nil
}

// authorize adds the credential, if there is one.
func (u *httpUpstream) authorize(c *proxy.GateCall, req *http.Request) error {
	if u.host.Auth == nil {
		return nil
	}
	auth, err := u.host.Auth.Authorization(req.Context(), c.Transport(u.host.Private))
	if err != nil {
		return &credentialError{u.host.Name, err}
	}
	req.Header.Set("Authorization", auth)
	return nil
}

// readCloser reads from one and closes the other.
type readCloser struct {
	io.Reader
	io.Closer
}
