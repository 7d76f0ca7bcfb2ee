package manifest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/bot-bottle/bottle/proxy"
)

// Explanation says what the routes do with a request, and why.
type Explanation struct {
	Method  string       `json:"method"`
	URL     string       `json:"url"`
	Verdict proxy.Action `json:"verdict"`
	// Rule is the name of the route as it stands in answers and the journal:
	// "route bottle.yaml:12", or "default".
	Rule string `json:"rule"`
	// Source is the route's place, "bottle.yaml:12"; "" for the default.
	Source string `json:"source,omitempty"`
	// Reason says what happened, for a denial.
	Reason string `json:"reason,omitempty"`
	// TLS, Private, Upstream and Secrets are those of a route that admits the
	// request.
	TLS      proxy.TLSMode `json:"tls,omitempty"`
	Private  bool          `json:"private,omitempty"`
	Upstream string        `json:"upstream,omitempty"`
	Secrets  []string      `json:"secrets,omitempty"`
	// Notes are what else there is to know.
	Notes []string `json:"notes,omitempty"`
	// Losers are the other routes of the host, best first.
	Losers []LosingRoute `json:"losers,omitempty"`
}

// LosingRoute is a route that did not decide.
type LosingRoute struct {
	Source string       `json:"source"`
	Host   string       `json:"host"`
	Action proxy.Action `json:"action"`
	Why    string       `json:"why"`
}

// Explain decides a request as the proxy would. A URL without a scheme is
// https; the method "" is GET. The URL's query and fragment do not matter.
func (m *Manifest) Explain(method, rawURL string) (*Explanation, error) {
	t, err := target(method, rawURL)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", quote(rawURL), err)
	}
	d, losers := m.Egress.Policy.Explain(t)
	// A deny of the whole host, or a host that no route names, is answered at
	// CONNECT already; the outcome is the same.
	out := &Explanation{Method: t.Method, URL: urlOf(t), Verdict: d.Action, Rule: d.Rule, Reason: d.Reason}
	if r := d.Route; r != nil {
		out.Source = r.Source
		if d.Action != proxy.Deny {
			out.TLS, out.Private, out.Upstream, out.Secrets = r.TLS, r.Private, r.Upstream, r.Secrets
			if r.GraphQL == proxy.GraphQLQuery {
				out.Notes = append(out.Notes, "of GraphQL queries pass here, and mutations and all that is no GraphQL are refused")
			}
		}
	}
	out.guard(t.Host)
	if byNoProxy(t.Host) {
		out.Notes = append(out.Notes, t.Host+" "+noProxyText)
	}
	for _, l := range losers {
		out.Losers = append(out.Losers, LosingRoute{Source: l.Route.Source, Host: l.Route.Host, Action: l.Route.Action, Why: l.Why})
	}
	return out, nil
}

// AskText is what becomes of a request that a person is asked about.
const AskText = "you are asked while the request waits"

// guard denies what the proxy would refuse to dial, as far as that can be told
// without asking for the address of a name.
func (e *Explanation) guard(host string) {
	if e.Verdict == proxy.Deny || e.Private {
		return
	}
	if e.Upstream != "" {
		host, _, _ = net.SplitHostPort(e.Upstream)
	}
	what := ""
	if addr, err := netip.ParseAddr(host); err == nil {
		what = proxy.SpecialAddress(addr)
	} else if byNoProxy(host) {
		what = "a name for a loopback address"
	}
	if what != "" {
		e.Verdict, e.Rule = proxy.Deny, "address-guard"
		e.Reason = host + " is " + what + ", and the route does not say private: true"
	}
}

// noProxyText is about a host that clients in a bottle do not ask the proxy for.
const noProxyText = "is the bottle itself for a program inside, and NO_PROXY keeps clients from asking the proxy for it: to reach a service of this host, give the route another name (such as db.local.test), with upstream: 127.0.0.1:PORT and private: true"

// byNoProxy reports whether the NO_PROXY of a bottle covers a host.
func byNoProxy(host string) bool {
	return host == "127.0.0.1" || host == "::1" || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// TargetOf is the request that a person or an agent means by a URL. One without a
// scheme is https; the method "" is GET.
func TargetOf(method, rawURL string) (proxy.Target, error) {
	t, err := target(method, rawURL)
	if err != nil {
		return t, fmt.Errorf("%s: %w", quote(rawURL), err)
	}
	return t, nil
}

func target(method, rawURL string) (proxy.Target, error) {
	if !strings.Contains(rawURL, "://") {
		rawURL = "https://" + rawURL
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return proxy.Target{}, fmt.Errorf("it is not a URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return proxy.Target{}, fmt.Errorf("the scheme %s is not one that goes through the proxy: http or https", quote(u.Scheme))
	}
	if u.User != nil {
		return proxy.Target{}, errors.New("a login has no place in it")
	}
	host, err := proxy.CanonicalHost(u.Hostname())
	if err != nil {
		return proxy.Target{}, err
	}
	port := map[string]int{"http": 80, "https": 443}[u.Scheme]
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return proxy.Target{}, fmt.Errorf("%s is not a port (1 to 65535)", quote(p))
		}
		port = int(n)
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if method == "" {
		method = "GET"
	}
	if !nameSyntax.MatchString(method) {
		return proxy.Target{}, fmt.Errorf("%s is not an HTTP method", quote(method))
	}
	return proxy.Target{Scheme: u.Scheme, Host: host, Port: port, Method: strings.ToUpper(method), Path: path}, nil
}

func urlOf(t proxy.Target) string {
	host := t.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if t.Port != map[string]int{"http": 80, "https": 443}[t.Scheme] {
		host += ":" + strconv.Itoa(t.Port)
	}
	return t.Scheme + "://" + host + t.Path
}
