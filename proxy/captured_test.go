package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/vm/relay"
)

// captured opens a connection as the relay does for a program, to what an address
// stands for.
func (r *rig) captured(authority string) net.Conn {
	r.t.Helper()
	c := r.dial()
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s: 1\r\n\r\n", authority, authority, relay.CapturedHeader)
	if head := readHead(r.t, c); !strings.HasPrefix(head[0], "HTTP/1.1 200 ") {
		r.t.Fatalf("CONNECT %s: %s", authority, head[0])
	}
	return c
}

// capturedGet asks for a URL in a captured connection, and returns the answer.
func (r *rig) capturedGet(authority, sni, url string) (*http.Response, string) {
	r.t.Helper()
	c := r.captured(authority)
	if strings.HasPrefix(url, "https:") {
		tc := tls.Client(c, &tls.Config{RootCAs: r.roots, ServerName: sni})
		if err := tc.HandshakeContext(context.Background()); err != nil {
			r.t.Fatalf("handshake for %s: %v", sni, err)
		}
		c = tc
	}
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := req.Write(c); err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(body)
}

func TestACapturedConnectionIsDecidedLikeAnyOther(t *testing.T) {
	for _, c := range []struct {
		name, authority, sni, url string
		status                    int
		rule                      string
		lines                     int // of the journal
	}{
		{"allowed", "example.com:443", "example.com", "https://example.com/a", 200, "", 2},
		{"the name in other letters", "example.com:443", "EXAMPLE.com", "https://example.com/a", 200, "", 2},
		{"no route", "evil.example:443", "evil.example", "https://evil.example/", 403, "default", 1},
		{"an address, which was given to no name", "192.0.2.7:443", "192.0.2.7", "https://192.0.2.7/", 403, "default", 1},
		{"an address, asked for a name that is allowed", "192.0.2.7:443", "example.com", "https://example.com/", 403, "default", 1},
		{"the address of one name for another", "example.com:443", "other.example", "https://other.example/", 403, "sni-mismatch", 1},
		{"another Host in TLS", "example.com:443", "example.com", "https://other.example/", 421, "authority-mismatch", 1},
		{"plain http without a route", "evil.example:80", "", "http://evil.example/", 403, "default", 1},
		{"plain http with another Host", "example.com:80", "", "http://other.example/", 421, "authority-mismatch", 1},
		{"a passthrough route and another name", "pass.example:443", "other.example", "https://other.example/", 403, "sni-mismatch", 2},
		{"a passthrough route and no TLS", "pass.example:80", "", "http://pass.example/", 403, "sni-mismatch", 2},
		{"an upstream that is not there", "down.example:443", "down.example", "https://down.example/", 502, "upstream", 2},
		{"a passthrough upstream that is not there", "gone.example:443", "gone.example", "https://gone.example/", 502, "upstream", 2},
		{"a route that asks", "ask.example:443", "ask.example", "https://ask.example/", 403, "route f:7", 1},
		{"a passthrough route that asks", "askpass.example:443", "askpass.example", "https://askpass.example/", 403, "route f:8", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, &upstreamLog{}, Config{})
			r.reroute(Route{Host: "example.com"}, Route{Host: "pass.example", TLS: Passthrough},
				Route{Host: "down.example", Upstream: closedPort(t), Private: true}, Route{Host: "gone.example", TLS: Passthrough, Upstream: closedPort(t), Private: true},
				Route{Host: "ask.example", Action: Ask, Source: "f:7"}, Route{Host: "askpass.example", Action: Ask, TLS: Passthrough, Source: "f:8"})
			resp, body := r.capturedGet(c.authority, c.sni, c.url)
			if resp.StatusCode != c.status || resp.Header.Get("Bottle-Rule") != c.rule {
				t.Errorf("got %s by the rule %q: %s", resp.Status, resp.Header.Get("Bottle-Rule"), body)
			}
			if c.rule != "" && !strings.Contains(body, `"message":"`) {
				t.Errorf("it says %s", body)
			}
			r.server.Close()
			if lines := r.journal.all(); len(lines) != c.lines {
				t.Errorf("the journal has %d lines, want %d: %+v", len(lines), c.lines, lines)
			}
		})
	}
}

// What the scanner stops in a name is told in the connection too, and is not in the
// journal.
func TestACapturedNameIsScanned(t *testing.T) {
	r := newRig(t, &upstreamLog{}, Config{})
	name := githubToken + ".example.com"
	resp, body := r.capturedGet(name+":443", name, "https://"+name+"/")
	if resp.StatusCode != 400 || resp.Header.Get("Bottle-Rule") != "dlp:github-token" || !resp.Close {
		t.Errorf("got %s, close %v: %s", resp.Status, resp.Close, body)
	}
	d := r.journal.wait(t, isDenial("dlp:github-token"))
	if d.Host != "[github-token].example.com" || len(r.journal.all()) != 1 {
		t.Errorf("the journal has %+v", r.journal.all())
	}
}

func TestARefusedUploadIsTakenSoThatTheAnswerIsSeen(t *testing.T) {
	r := newRig(t, &upstreamLog{}, Config{})
	c := r.captured("evil.example:80")
	const size = 8 << 20
	go func() {
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: %d\r\n\r\n", size)
		_, _ = io.Copy(c, io.LimitReader(zeros{}, size))
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 403 {
		t.Errorf("got %s, %v", resp.Status, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A client that waits for its server to speak is not left waiting.
func TestARawConnectionThatCannotBeMadeEndsAtOnce(t *testing.T) {
	r := newRig(t, &upstreamLog{}, Config{})
	r.reroute(Route{Host: "db.example", Ports: []int{5432}, TLS: Raw, Upstream: closedPort(t), Private: true})
	c := r.dial()
	fmt.Fprintf(c, "CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n%s: 1\r\n\r\n", relay.CapturedHeader)
	if b, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 502 ") || !strings.Contains(string(b), "no answer from db.example") {
		t.Errorf("got %q, %v", b, err)
	}
	if e := r.journal.wait(t, isEnd); e.Status != 502 || e.Error == "" {
		t.Errorf("end %+v", e)
	}
}

// Only the relay's connections are told so: who sees the answer to a CONNECT gets
// that.
func TestOtherRefusalsStayBeforeTheConnection(t *testing.T) {
	r := newRig(t, &upstreamLog{}, Config{})
	if status := r.connect(r.dial(), "evil.example:443"); !strings.HasPrefix(status, "HTTP/1.1 403 ") {
		t.Error(status)
	}
}

func TestFurtherPorts(t *testing.T) {
	p := mustPolicy(t, Deny,
		Route{Host: "db.example", Ports: []int{5432, 443, 80}, TLS: Raw}, Route{Host: "db.example", Ports: []int{6543}, Action: Ask, TLS: Raw},
		Route{Host: "*.example", Ports: []int{8443}}, Route{Host: "shut.example", Ports: []int{8443}, Action: Deny}, Route{Host: "plain.test"})
	for host, want := range map[string]string{
		"db.example": "[5432 6543 8443]", "a.example": "[8443]", "shut.example": "[]", "plain.test": "[]", "unknown.test": "[]",
	} {
		if got := fmt.Sprint(p.FurtherPorts(host)); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}
