package demo

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
)

// The names of the demonstration are reserved (RFC 2606): they belong to nobody
// and resolve nowhere, so nothing can leave by accident.
const (
	apiHost    = "api.demo.example"
	vaultHost  = "vault.demo.example"
	deniedHost = "exfiltrate.demo.example"
)

// upstream is the internet of the demonstration, which writes down what reaches
// it.
type upstream struct {
	*Internet

	mu   sync.Mutex
	seen []received
}

// received is one request as the server got it.
type received struct {
	Host, Method, Path string
	Authorization      string
	Body               string
}

// maxBody bounds what the server keeps of a request.
const maxBody = 64 << 10

func startUpstream() (_ *upstream, err error) {
	u := &upstream{}
	u.Internet, err = StartInternet(u)
	return u, err
}

// ServeHTTP answers with what it got, as many real services do in error texts
// and debugging endpoints.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	got := received{Host: r.Host, Method: r.Method, Path: r.URL.Path, Authorization: r.Header.Get("Authorization"), Body: string(body)}
	u.mu.Lock()
	u.seen = append(u.seen, got)
	u.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"host": r.Host, "you_sent": got.Authorization})
}

// requests returns what reached the server for one host.
func (u *upstream) requests(host string) []received {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []received
	for _, r := range u.seen {
		if r.Host == host {
			out = append(out, r)
		}
	}
	return out
}
