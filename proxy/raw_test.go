package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// rawRig has a raw route to a TCP server that is handed to the test.
func rawRig(t *testing.T, cfg Config, action Action) (*rig, chan net.Conn) {
	t.Helper()
	addr, conns := tcpServer(t)
	r := newRig(t, http.NotFoundHandler(), cfg)
	r.reroute(Route{Host: "db.example.com", Ports: []int{5432}, TLS: Raw, Action: action, Upstream: addr, Private: true, Source: "f:3"},
		Route{Host: "db.example.com", Secrets: secretNames(cfg)})
	return r, conns
}

func secretNames(cfg Config) (names []string) {
	for _, s := range cfg.Secrets {
		names = append(names, s.Name)
	}
	return names
}

// open opens a raw connection and returns both of its ends.
func (r *rig) open(conns chan net.Conn) (client, server net.Conn) {
	r.t.Helper()
	c := r.dial()
	if status := r.connect(c, "db.example.com:5432"); !strings.Contains(status, " 200 ") {
		r.t.Fatal(status)
	}
	up := <-conns
	r.t.Cleanup(func() { up.Close() })
	return c, up
}

func carryText(t *testing.T, to, from net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(to, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(from, got); err != nil || string(got) != text {
		t.Fatalf("got %q, %v; want %q", got, err, text)
	}
}

func TestRawCarriesAnyProtocol(t *testing.T) {
	r, conns := rawRig(t, Config{}, Allow)
	c, up := r.open(conns)
	d := r.journal.wait(t, func(e Event) bool { return e.Type == EventDecision })
	if d.Verdict != Allow || d.Proto != "raw" || d.Host != "db.example.com" || d.Port != 5432 || d.Rule != "route f:3" {
		t.Errorf("decision %+v", d)
	}
	carryText(t, up, c, "the server speaks first\x00\xff")
	carryText(t, c, up, "SELECT 1;\n")
	carryText(t, up, c, "1")
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(up); err != nil || len(b) > 0 {
		t.Errorf("the server read %q, %v", b, err)
	}
	io.WriteString(up, "bye")
	up.Close()
	if b, err := io.ReadAll(c); err != nil || string(b) != "bye" {
		t.Errorf("the client read %q, %v", b, err)
	}
	e := r.journal.wait(t, isEnd)
	if e.ID != d.ID || e.BytesOut != 10 || e.BytesIn != 25+1+3 || e.Error != "" || e.Verdict != "" {
		t.Errorf("end %+v", e)
	}
}

func TestRawIsScanned(t *testing.T) {
	for _, policy := range []dlp.Policy{{Action: dlp.Block}, {Action: dlp.Redact}} {
		t.Run(string(policy.Action), func(t *testing.T) {
			r, conns := rawRig(t, Config{DLP: policy}, Allow)
			c, up := r.open(conns)
			carryText(t, c, up, "INSERT INTO t VALUES (")
			fmt.Fprintf(c, "'%s", githubToken[:12])
			fmt.Fprintf(c, "%s');\n", githubToken[12:])
			got, err := io.ReadAll(up)
			if strings.Contains(string(got), githubToken[:12]) || err == nil {
				t.Errorf("the server read %q and a good end", got)
			}
			if b, err := io.ReadAll(c); err == nil {
				t.Errorf("the client read %q and a good end", b)
			}
			e := r.journal.wait(t, isEnd)
			if e.Verdict != Deny || e.Rule != "dlp:github-token" || len(e.Findings) != 1 || e.Findings[0].Where != "stream" || strings.Contains(e.Reason, githubToken) {
				t.Errorf("end %+v", e)
			}
		})
	}
}

func TestRawWarns(t *testing.T) {
	r, conns := rawRig(t, Config{DLP: dlp.Policy{Action: dlp.Warn}}, Allow)
	c, up := r.open(conns)
	carryText(t, c, up, githubToken+"\n")
	c.Close()
	up.Close()
	if e := r.journal.wait(t, isEnd); e.Verdict != "" || len(e.Findings) != 1 || e.Findings[0].Action != "warn" {
		t.Errorf("end %+v", e)
	}
}

// A placeholder is text in here, and a value that another route stored comes back
// as its placeholder.
func TestRawInjectsNothingAndRedacts(t *testing.T) {
	cfg := Config{Secrets: []Secret{fixedSecret("token", "bottle-placeholder-0001", "the-real-value-of-it-01", Inject{Body: true})}}
	r, conns := rawRig(t, cfg, Allow)
	c, up := r.open(conns)
	carryText(t, c, up, "AUTH bottle-placeholder-0001\n")
	io.WriteString(up, "you stored the-real-value-of-it-01 here")
	got := make([]byte, len("you stored bottle-placeholder-0001 here"))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "you stored bottle-placeholder-0001 here" {
		t.Errorf("got %q, %v", got, err)
	}
	c.Close()
	up.Close()
	e := r.journal.wait(t, isEnd)
	if e.Redacted != 1 || fmt.Sprint(e.Inert) != "[token]" {
		t.Errorf("end %+v", e)
	}
}

func TestRawIsRefusedBeforeTheConnection(t *testing.T) {
	r, conns := rawRig(t, Config{}, Ask)
	if status := r.connect(r.dial(), "db.example.com:5432"); !strings.HasPrefix(status, "HTTP/1.1 403 ") {
		t.Error(status)
	}
	if status := r.connect(r.dial(), "db.example.com:5433"); !strings.HasPrefix(status, "HTTP/1.1 403 ") {
		t.Error(status)
	}
	if len(conns) > 0 {
		t.Error("the server was dialled")
	}
	r.journal.setFail(errors.New("no disk"))
	r.reroute(Route{Host: "db.example.com", Ports: []int{5432}, TLS: Raw})
	if status := r.connect(r.dial(), "db.example.com:5432"); !strings.Contains(status, "journal cannot be written") {
		t.Error(status)
	}
}

func TestRawRoutesThatCannotBeKept(t *testing.T) {
	for _, c := range []struct {
		name, text string
		routes     []Route
	}{
		{"no ports", "names its ports", []Route{{Host: "a.test", TLS: Raw}}},
		{"methods", "cannot have methods", []Route{{Host: "a.test", TLS: Raw, Ports: []int{1}, Methods: []string{"GET"}}}},
		{"secrets", "cannot have secrets", []Route{{Host: "a.test", TLS: Raw, Ports: []int{1}, Secrets: []string{"x"}}}},
		{"a deny of paths there", "raw would get past the deny", []Route{{Host: "a.test", TLS: Raw, Ports: []int{8080}}, {Host: "*.test", Ports: []int{8080}, Paths: []string{"/x"}, Action: Deny}}},
		{"intercept there too", "says intercept for the same host and port as this raw", []Route{{Host: "a.test", TLS: Raw, Ports: []int{8080}}, {Host: "a.test", Ports: []int{8080}}}},
		{"passthrough there too", "says raw for the same host and port as this passthrough", []Route{{Host: "a.test", TLS: Raw, Ports: []int{8080}}, {Host: "a.test", Ports: []int{8080}, TLS: Passthrough}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := NewPolicy(Deny, c.routes); err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestRawGoesOnWithWhatWasReloaded(t *testing.T) {
	cfg := Config{Secrets: []Secret{fixedSecret("token", "bottle-placeholder-0001", "the-real-value-of-it-01", Inject{})}}
	r, conns := rawRig(t, cfg, Allow)
	c, up := r.open(conns)
	const second = "quite-unlike-it-kzwq-7"
	carryText(t, c, up, "before "+second+"\n")
	carryText(t, up, c, "before "+second+"\n")
	io.WriteString(up, "it was the-real-")
	got := make([]byte, len("it was "))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	r.cfg.Secrets = append(r.cfg.Secrets, fixedSecret("second", "bottle-placeholder-0002", second, Inject{}))
	r.reroute(Route{Host: "db.example.com", Ports: []int{5432}, TLS: Raw, Upstream: up.LocalAddr().String(), Private: true, Source: "f:3"},
		Route{Host: "db.example.com", Secrets: []string{"second"}})
	io.WriteString(up, "value-of-it-01, and now "+second+" end")
	want := "bottle-placeholder-0001, and now bottle-placeholder-0002 end"
	got = make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	carryText(t, c, up, "the agent goes on\n")
	io.WriteString(c, "with "+second+" in it")
	if b, err := io.ReadAll(up); err == nil || strings.Contains(string(b), second[:8]) {
		t.Errorf("the server read %q, %v", b, err)
	}
	if e := r.journal.wait(t, isEnd); e.Verdict != Deny || e.Rule != "dlp:known-secret" || e.Redacted != 2 {
		t.Errorf("end %+v", e)
	}
}
