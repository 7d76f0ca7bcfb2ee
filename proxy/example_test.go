package proxy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/bot-bottle/bottle/mitm"
	"github.com/bot-bottle/bottle/proxy"
)

// A policy decides without any network.
func ExampleNewPolicy() {
	policy, err := proxy.NewPolicy(proxy.Deny, []proxy.Route{
		{Host: "*.example.com", Methods: []string{"GET"}, Source: "line 1"},
		{Host: "admin.example.com", Action: proxy.Deny, Source: "line 2"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, host := range []string{"api.example.com", "admin.example.com", "example.com"} {
		d := policy.Decide(proxy.Target{Scheme: "https", Host: host, Port: 443, Method: "GET", Path: "/"})
		fmt.Println(host, d.Action, "by", d.Rule)
	}
	// Output:
	// api.example.com allow by route line 1
	// admin.example.com deny by route line 2
	// example.com deny by default
}

// journal prints decisions; one that is kept returns when the event is.
type journal struct{}

func (journal) Record(_ context.Context, e *proxy.Event) error {
	if e.Type == proxy.EventDecision {
		fmt.Println("journal:", e.Verdict, e.Method, e.Host, e.Secrets)
	}
	return nil
}

// A client behind the proxy reaches what a route allows, with a credential that it only
// has the placeholder of.
func ExampleServer() {
	upstream := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("upstream got the credential:", r.Header.Get("Authorization") == "Bearer the-real-credential")
		_, _ = io.WriteString(w, "welcome")
	}))
	defer upstream.Close()
	client, stop, err := behindProxy(upstream)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	req, err := http.NewRequest(http.MethodGet, "https://api.example.com/", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("Authorization", "Bearer what-the-agent-holds-")
	res, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	fmt.Println("client got:", string(body), err)

	_, err = client.Get("https://other.example.com/")
	fmt.Println("another host is refused:", err != nil)
	// Output:
	// journal: allow GET api.example.com [api]
	// upstream got the credential: true
	// client got: welcome <nil>
	// journal: deny CONNECT other.example.com []
	// another host is refused: true
}

// behindProxy returns a client that knows the proxy and its authority.
func behindProxy(upstream *httptest.Server) (_ *http.Client, stop func(), err error) {
	ca, err := mitm.NewAuthority(mitm.Options{})
	if err != nil {
		return nil, nil, err
	}
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		return nil, nil, err
	}
	upstreamRoots := x509.NewCertPool()
	upstreamRoots.AddCert(upstream.Certificate()) // it is for example.com
	policy, err := proxy.NewPolicy(proxy.Deny, []proxy.Route{{
		Host: "api.example.com", Secrets: []string{"api"},
		Private: true, Upstream: upstream.Listener.Addr().String(), // instead of the real one
	}})
	if err != nil {
		return nil, nil, err
	}
	server, err := proxy.New(context.Background(), proxy.Config{
		Policy: policy, RootCAs: upstreamRoots,
		Secrets: []proxy.Secret{{
			Name: "api", Placeholder: "what-the-agent-holds-", Inject: proxy.Inject{Bearer: true},
			Value: func(context.Context) (string, error) { return "the-real-credential", nil },
		}},
	}, proxy.Options{Leaves: leaves, Recorder: journal{}})
	if err != nil {
		return nil, nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	go func() { _ = server.Serve(l, proxy.ListenOptions{Session: "example"}) }()
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate())
	client := &http.Client{Transport: &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: l.Addr().String()}),
		TLSClientConfig: &tls.Config{RootCAs: roots},
	}}
	return client, func() { _ = server.Close() }, nil
}
