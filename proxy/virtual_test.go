package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

const virtualHost = "supervise.example.internal"

func withHost(h http.HandlerFunc) rigOption {
	return func(_ *rig, o *Options, _ *ListenOptions) { o.Hosts = map[string]http.Handler{virtualHost: h} }
}

func TestVirtualHostAnswers(t *testing.T) {
	never := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a virtual host reached the upstream") })
	r := newRig(t, never, Config{}, withHost(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, b)
	}))
	for _, h2 := range []bool{false, true} {
		resp, err := r.client(h2).Post("https://"+virtualHost+"/mcp?a=b", "text/plain", strings.NewReader("hi"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusAccepted || string(b) != "POST /mcp?a=b hi" {
			t.Errorf("h2 %t: got %d %q, %v", h2, resp.StatusCode, b, err)
		}
	}
	d := r.journal.wait(t, func(e Event) bool { return e.Type == EventDecision })
	if d.Verdict != Allow || d.Rule != "bottle" || d.Host != virtualHost || d.Path != "/mcp?a=b" {
		t.Errorf("decision %+v", d)
	}
	if e := r.journal.wait(t, isEnd); e.Status != http.StatusAccepted || e.BytesOut != 2 {
		t.Errorf("end %+v", e)
	}
}

func TestVirtualHostIsScanned(t *testing.T) {
	called := false
	r := newRig(t, http.HandlerFunc(echo), Config{}, withHost(func(http.ResponseWriter, *http.Request) { called = true }))
	status, body := r.post("https://"+virtualHost+"/mcp", "text/plain", "reason: "+"ghp_"+"16C7e42F292c6912E7710c838347Ae178B4a")
	if status != http.StatusBadRequest || !strings.Contains(body, "dlp:github") || called {
		t.Errorf("got %d %q, called %t", status, body, called)
	}
}

func TestVirtualHostIsAloneOnItsPort(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{}, withHost(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "no") }))
	for _, authority := range []string{virtualHost + ":80", virtualHost + ":8443", "x." + virtualHost + ":443"} {
		if status := r.connect(r.dial(), authority); !strings.HasPrefix(status, "HTTP/1.1 403 ") {
			t.Errorf("CONNECT %s: %s", authority, status)
		}
	}
	if status, body := r.get("http://" + virtualHost + "/"); status != http.StatusForbidden {
		t.Errorf("in clear: %d %q", status, body)
	}
	// Nor in clear inside of a tunnel.
	c := r.dial()
	r.connect(c, virtualHost+":443")
	if resp, body := exchangeRaw(t, c, "GET / HTTP/1.1\r\nHost: "+virtualHost+"\r\n\r\n", "GET"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("in clear in a tunnel: %d %q", resp.StatusCode, body)
	}
	// And no WebSocket gets past the handler.
	if resp, _ := exchangeRaw(t, r.rawTunnel(virtualHost+":443"), "GET / HTTP/1.1\r\nHost: "+virtualHost+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", "GET"); resp.StatusCode != http.StatusNotImplemented {
		t.Errorf("a WebSocket: %d", resp.StatusCode)
	}
}

func TestVirtualHostFails(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{}, withHost(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			_, _ = io.WriteString(w, "half")
		}
		panic("no")
	}))
	if status, body := r.get("https://" + virtualHost + "/"); status != http.StatusBadGateway || !strings.Contains(body, "bottle_upstream") {
		t.Errorf("got %d %q", status, body)
	}
	resp, err := r.client(false).Get("https://" + virtualHost + "/late")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("half an answer ended in order: %q", b)
	}
}
