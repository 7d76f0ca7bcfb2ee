package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestAnswersInManyConnectionsAreBounded has an upstream that wants a connection for
// each request, and answers that do not end.
func TestAnswersInManyConnectionsAreBounded(t *testing.T) {
	end := make(chan struct{})
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		<-end
		io.WriteString(w, "the end")
	}))
	up.EnableHTTP2 = true
	up.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 1}
	up.StartTLS()
	t.Cleanup(up.Close)
	r := newRig(t, nil, Config{})
	r.cfg.RootCAs.AddCert(up.Certificate())
	r.reroute(Route{Host: "example.com", Upstream: up.Listener.Addr().String(), Private: true})
	c := r.client(true)
	get := func() *http.Response {
		t.Helper()
		resp, err := c.Get("https://example.com/")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	var all []*http.Response
	for range maxSessionReceiving {
		resp := get()
		if resp.StatusCode != 200 || resp.ProtoMajor != 2 {
			t.Fatal(resp.Status, resp.Proto)
		}
		all = append(all, resp)
	}
	resp := get()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusServiceUnavailable || denialIn(t, string(text)).Rule != "too-many-answers" {
		t.Errorf("one more: %s %q", resp.Status, text)
	}
	close(end)
	for _, resp := range all {
		if text, err := io.ReadAll(resp.Body); string(text) != "the end" || err != nil {
			t.Fatalf("%q, %v", text, err)
		}
	}
	if resp := get(); resp.StatusCode != 200 {
		t.Errorf("when there is room again: %s", resp.Status)
	}
}
