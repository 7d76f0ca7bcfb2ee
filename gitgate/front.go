package gitgate

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

// Front serves a listener for git alone. The URL of a repository is
//
//	BASE/PREFIX/HOST/ORG/REPO
//
// Whoever knows the prefix may use it. A page in a browser of this machine can
// neither learn it nor get past the checks of Host, Origin and Sec-Fetch-Site: it
// would get an answer that it cannot read, but a push would be one all the same.
type Front struct {
	Server *proxy.Server
	// Session names who is behind the listener.
	Session string
	// Prefix is "" only where nobody else can reach the listener, as on a unix
	// socket.
	Prefix string
	// AnyHost leaves out the check of the header Host.
	AnyHost bool
}

// NewPrefix makes a prefix that cannot be guessed.
func NewPrefix() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// HTTPServer returns a server of the Front, which has to be given a listener.
func (f *Front) HTTPServer() *http.Server {
	return &http.Server{Handler: f, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 5 * time.Minute, MaxHeaderBytes: 64 << 10}
}

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := f.inside(r.URL.EscapedPath())
	if !ok || !f.trusts(r) {
		// The same for all of them: nobody learns how close a guess was.
		http.Error(w, "bottle: this is a git gate; its URLs are the ones that were printed at its start", http.StatusNotFound)
		return
	}
	host, rest, _ := strings.Cut(path, "/")
	base := "http://" + r.Host + strings.TrimSuffix(r.URL.EscapedPath(), "/"+rest)
	f.Server.ServeGit(w, r, f.Session, host, "/"+rest, base)
}

// inside returns what stands behind the prefix.
func (f *Front) inside(path string) (string, bool) {
	path = strings.TrimPrefix(path, "/")
	if f.Prefix == "" {
		return path, true
	}
	prefix, rest, ok := strings.Cut(path, "/")
	return rest, ok && subtle.ConstantTimeCompare([]byte(prefix), []byte(f.Prefix)) == 1
}

// trusts refuses what a browser sends for a page, also one whose name was made to
// lead here (DNS rebinding).
func (f *Front) trusts(r *http.Request) bool {
	for name := range r.Header {
		if name == "Origin" || strings.HasPrefix(name, "Sec-Fetch-") {
			return false
		}
	}
	if f.AnyHost {
		return true
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return loopback(strings.Trim(host, "[]"))
}
