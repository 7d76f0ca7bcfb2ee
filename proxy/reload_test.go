package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func TestABadConfigurationKeepsTheOldOne(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	bad := errors.New("vault is sealed")
	for name, spoil := range map[string]func(*Config){
		"no policy":      func(c *Config) { c.Policy = nil },
		"unknown secret": func(c *Config) { c.Policy = r.policy(Route{Host: "example.com", Secrets: []string{"x"}}) },
		"a secret's value": func(c *Config) {
			c.Secrets = []Secret{{Name: "acme", Placeholder: testPlaceholder, Value: func(context.Context) (string, error) { return "", bad }}}
		},
		"a value too short to find": func(c *Config) { c.Secrets = []Secret{fixedSecret("acme", testPlaceholder, "short", Inject{})} },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := r.cfg
			cfg.Policy = r.policy() // denies all, unless it is bad
			spoil(&cfg)
			err := r.server.Reload(context.Background(), cfg)
			if err == nil {
				t.Fatal("it was taken")
			}
			if strings.Contains(err.Error(), "short\"") {
				t.Errorf("the error has the value: %v", err)
			}
			if status, _ := r.get("https://example.com/"); status != 200 {
				t.Errorf("afterwards %d", status)
			}
		})
	}
}

// TestAReloadThatKeepsValues: it applies though a value cannot be got, and the
// scanner still knows the one of before.
func TestAReloadThatKeepsValues(t *testing.T) {
	var bad error
	secret := Secret{Name: "acme", Placeholder: testPlaceholder, Value: func(context.Context) (string, error) { return testValue, bad }}
	r := newRig(t, http.HandlerFunc(echo), Config{Secrets: []Secret{secret}})
	r.reroute(Route{Host: "example.com"}, Route{Host: "other.example.com"})
	bad = errors.New("vault is sealed")
	cfg := r.cfg
	cfg.Policy = r.policy(Route{Host: "example.com"})
	if err := r.server.Reload(context.Background(), cfg); !errors.Is(err, bad) {
		t.Fatalf("it asks for no value: %v", err)
	}
	cfg.KeepValues = true
	if err := r.server.Reload(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	if status, body := r.post("https://example.com/", "text/plain", "k="+testValue); status != 400 || denialIn(t, body).Rule != "dlp:known-secret" {
		t.Errorf("the value of before: %d %s", status, body)
	}
	if d := r.server.current.Load().Policy.DecideHost("other.example.com", 443); d.Action != Deny {
		t.Errorf("the other host: %s", d.Action)
	}
	cfg.Secrets = append(cfg.Secrets, Secret{Name: "new", Placeholder: "new-PLACEHOLDER-new", Value: secret.Value})
	if err := r.server.Reload(context.Background(), cfg); !errors.Is(err, bad) {
		t.Errorf("one that it has no value of: %v", err)
	}
}

// events of a connection: closed, or still there.
func closed(c net.Conn) bool {
	var b [1]byte
	_, err := c.Read(b[:])
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

func TestReloadClosesTunnelsThatAreDeniedNow(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	r.reroute(Route{Host: "*.example.com"})
	stay, leave := r.rawTunnel("stay.example.com:443"), r.rawTunnel("leave.example.com:443")
	waiting := r.dial() // nothing was said in it yet
	r.connect(waiting, "leave.example.com:443")
	mode := r.rawTunnel("mode.example.com:443")
	r.reroute(Route{Host: "stay.example.com"}, Route{Host: "mode.example.com", TLS: Passthrough})
	if !closed(leave) || !closed(waiting) || !closed(mode) {
		t.Error("a tunnel that would not be opened any more is still open")
	}
	if resp, _ := exchangeRaw(t, stay, "GET / HTTP/1.1\r\nHost: stay.example.com\r\n\r\n", "GET"); resp.StatusCode != 200 {
		t.Errorf("the one that is allowed: %d", resp.StatusCode)
	}
	// In a tunnel that stays, new rules count from the next request on.
	r.reroute(Route{Host: "stay.example.com", Methods: []string{"PUT"}})
	if resp, _ := exchangeRaw(t, stay, "GET / HTTP/1.1\r\nHost: stay.example.com\r\n\r\n", "GET"); resp.StatusCode != 403 {
		t.Errorf("under new rules: %d", resp.StatusCode)
	}
}

func TestReloadClosesSplicedTunnels(t *testing.T) {
	r, conns := passRig(t, Allow)
	c := r.dial()
	r.connect(c, "pass.example.com:443")
	c.Write(clientHello(t, "pass.example.com"))
	up := <-conns
	r.journal.wait(t, func(e Event) bool { return e.Type == EventDecision })
	r.reroute(Route{Host: "other.example.com"})
	if !closed(c) {
		t.Error("the client's side is open")
	}
	if _, err := io.ReadAll(up); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the upstream's side is open")
	}
	r.journal.wait(t, isEnd)
}

// slowUpstream answers its first half, then waits.
func slowUpstream() (h http.Handler, begun, goOn chan struct{}) {
	begun, goOn = make(chan struct{}), make(chan struct{})
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		io.WriteString(w, "first half, ")
		w.(http.Flusher).Flush()
		close(begun)
		<-goOn
		io.WriteString(w, "second half")
	}), begun, goOn
}

func TestReloadLetsARunningExchangeEnd(t *testing.T) {
	h, begun, goOn := slowUpstream()
	r := newRig(t, h, Config{})
	c := r.rawTunnel("example.com:443")
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
	<-begun
	// Another route decides now, with other roots: the old pool is dropped.
	cfg := r.cfg
	cfg.RootCAs = cfg.RootCAs.Clone()
	cfg.Policy = r.policy(Route{Host: "example.com", Methods: []string{"POST"}})
	if err := r.server.Reload(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "first half, second half" {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestShutdownLetsARunningExchangeEnd(t *testing.T) {
	for _, scheme := range []string{"https", "http"} {
		t.Run(scheme, func(t *testing.T) {
			h, begun, goOn := slowUpstream()
			r := newRig(t, h, Config{})
			r.reroute(Route{Host: "example.com"}, Route{Host: "plain.example.com", Upstream: plainUpstream(t, h), Private: true})
			host := map[string]string{"https": "example.com", "http": "plain.example.com"}[scheme]
			idle, fresh := r.rawTunnel("example.com:443"), r.dial()
			r.connect(fresh, "example.com:443")
			if resp, _ := exchangeRaw(t, idle, "HEAD / HTTP/1.1\r\nHost: evil.com\r\n\r\n", "HEAD"); resp.StatusCode != 421 {
				t.Fatal(resp.Status) // it is idle and not new
			}
			result := make(chan string, 1)
			go func() {
				resp, err := r.client(false).Get(scheme + "://" + host + "/")
				if err != nil {
					result <- err.Error()
					return
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				result <- fmt.Sprint(string(b), err)
			}()
			<-begun
			stopped := make(chan error, 1)
			go func() { stopped <- r.server.Shutdown(context.Background()) }()
			if !closed(fresh) || !closed(idle) {
				t.Error("an idle tunnel is still open")
			}
			if c, err := net.Dial("tcp", r.addr); err == nil { // the port is free, or nobody answers
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				if !closed(c) {
					t.Error("new clients are served")
				}
				c.Close()
			}
			select {
			case err := <-stopped:
				t.Fatalf("Shutdown did not wait: %v", err)
			default:
			}
			close(goOn)
			if got := <-result; got != "first half, second half<nil>" {
				t.Errorf("got %q", got)
			}
			if err := <-stopped; err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			r.journal.wait(t, isEnd)
		})
	}
}

func TestShutdownEndsTheRestWhenItsTimeIsUp(t *testing.T) {
	h, begun, goOn := slowUpstream()
	defer close(goOn)
	r := newRig(t, h, Config{})
	c := r.rawTunnel("example.com:443")
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
	<-begun
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still open")
	}
	if e := r.journal.wait(t, isEnd); e.Error == "" {
		t.Errorf("end line %+v", e)
	}
	if err := r.server.Shutdown(context.Background()); err != nil { // once more does no harm
		t.Errorf("again: %v", err)
	}
	if err := r.server.Serve(nopListener{}, ListenOptions{}); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve afterwards: %v", err)
	}
}

type nopListener struct{ net.Listener }

func (nopListener) Close() error { return nil }

func TestEndedTunnelsAreForgotten(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	for range 5 {
		c := r.rawTunnel("example.com:443")
		exchangeRaw(t, c, "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n", "GET")
		io.Copy(io.Discard, c)
	}
	silent := r.dial()
	r.connect(silent, "example.com:443")
	silent.Close()
	r.server.active.Wait() // hangs when one is not
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if n := len(r.server.tunnels); n != 0 {
		t.Errorf("%d tunnels are kept", n)
	}
}
