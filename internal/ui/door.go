package ui

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// tokenTime is how long the link of a view can be used, if it was not before.
	tokenTime  = 10 * time.Minute
	cookieName = "bottle_ui"
	// policy allows nothing but what this server has: no inline script or style, no
	// text that becomes markup (Trusted Types), no frame around it.
	policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

// door lets the one browser in that brings the token, which it gets a cookie for, and
// nobody else. Its methods may be called from any goroutine.
//
// The cookie is for a path that nobody can guess. Browsers send a cookie to all ports
// of a host: without that path, a page that an agent serves at a forwarded port of this
// host would get it.
type door struct {
	hosts  []string // that a request may name: a name that was made to lead here is none
	path   string   // of the view, between slashes
	cookie string
	now    func() time.Time

	mu    sync.Mutex
	token string // "" when it was used
	until time.Time
}

func newDoor(addr string, now func() time.Time) *door {
	d := &door{hosts: []string{addr}, path: "/" + rand.Text() + "/", cookie: rand.Text(), now: now, token: rand.Text(), until: now().Add(tokenTime)}
	if _, port, err := net.SplitHostPort(addr); err == nil {
		d.hosts = append(d.hosts, "localhost:"+port)
	}
	return d
}

// link is the address with the token.
func (d *door) link() string { return "http://" + d.hosts[0] + d.path + "?token=" + d.token }

// guard serves h to whom the door lets in.
func (d *door) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w.Header())
		switch {
		case !d.named(r.Host):
			refuse(w, "this view is served by its own address only, which \"bottle ui --web\" printed")
		case !d.ownPage(r):
			refuse(w, "another page asked for this, and this view answers its own only")
		case !strings.HasPrefix(r.URL.Path, d.path):
			http.NotFound(w, r)
		case r.URL.Path == d.path && r.URL.Query().Has("token") && !d.known(r):
			d.exchange(w, r)
		case !d.known(r):
			refuse(w, "this view opens by the link that \"bottle ui --web\" printed, in the browser that opened it first")
		case r.URL.Query().Has("token"): // the link again, where it was used
			http.Redirect(w, r, d.path, http.StatusSeeOther)
		default:
			http.StripPrefix(strings.TrimSuffix(d.path, "/"), h).ServeHTTP(w, r)
		}
	})
}

// exchange gives the cookie for the token, once.
func (d *door) exchange(w http.ResponseWriter, r *http.Request) {
	if err := d.use(r.URL.Query().Get("token")); err != nil {
		refuse(w, err.Error())
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: d.cookie, Path: d.path, HttpOnly: true, SameSite: http.SameSiteStrictMode}) //nolint:gosec // plain http on loopback, where some browsers keep no Secure cookie
	http.Redirect(w, r, d.path, http.StatusSeeOther)
}

func (d *door) use(token string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.token == "":
		return errors.New("this link was used already; it works once. If that was not you, end the view: Ctrl-C where \"bottle ui --web\" runs. Start it again for another link")
	case !same(token, d.token):
		return errors.New("this is not the link that \"bottle ui --web\" printed")
	case d.now().After(d.until):
		return errors.New("this link is too old: start \"bottle ui --web\" again for another")
	}
	d.token = ""
	return nil
}

func (d *door) known(r *http.Request) bool {
	c, err := r.Cookie(cookieName)
	return err == nil && same(c.Value, d.cookie)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (d *door) named(host string) bool {
	for _, h := range d.hosts {
		if host == h {
			return true
		}
	}
	return false
}

// ownPage reports whether a request comes from a page of this view, or from the
// person: who follows a link comes to the first page, and to nothing else. What changes
// something must say where it comes from.
func (d *door) ownPage(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin != "" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		if origin != "http://"+r.Host {
			return false
		}
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return r.URL.Path == d.path && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

func protect(h http.Header) {
	for name, value := range map[string]string{
		"Content-Security-Policy":      policy,
		"Cache-Control":                "no-store",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
	} {
		h.Set(name, value)
	}
}

func refuse(w http.ResponseWriter, why string) { http.Error(w, why, http.StatusForbidden) }
