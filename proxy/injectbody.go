package proxy

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/bot-bottle/bottle/internal/replace"
)

// bodyInjection puts credentials where their placeholders stand in a body. A
// credential is asked for when its placeholder is seen: most bodies have none,
// and asking can be slow, or fail.
type bodyInjection struct {
	x       *exchange
	table   *replace.Table
	escape  func(string) string
	secrets []*secretState // by the ID of their pair
	values  []string       // escaped, once had
	// sized says that the declared length of the body goes upstream.
	sized bool
	stop  *denial
}

// bodyInjection returns what is to be done with the body, nil for nothing: no
// secret of the route goes into bodies. A credential is escaped as the body's
// type asks.
func (x *exchange) bodyInjection() (*bodyInjection, *denial) {
	if !x.snap.inBodies {
		return nil, nil
	}
	return x.injection(bodyEscape(x.r.Header.Get("Content-Type")))
}

func (x *exchange) injection(escape func(string) string) (*bodyInjection, *denial) {
	if x.route == nil {
		return nil, nil
	}
	in := &bodyInjection{x: x, escape: escape}
	var pairs []replace.Pair
	for _, name := range x.route.Secrets {
		st := x.snap.secret(name)
		if !st.Inject.Body || x.mayInject(st, x.inBody()) != nil {
			continue
		}
		pairs = append(pairs, replace.Pair{From: in.escape(st.Placeholder), To: in.escape(st.value), ID: len(pairs)})
		in.secrets = append(in.secrets, st)
	}
	if len(pairs) == 0 {
		return nil, nil
	}
	in.values = make([]string, len(pairs))
	var err error
	if in.table, err = replace.New(pairs); err != nil {
		return nil, &denial{status: http.StatusInternalServerError, rule: "secret", upset: true, message: "the secrets of this route cannot be put into a body: " + err.Error()}
	}
	return in, nil
}

// inBody is what a body is called in messages.
func (x *exchange) inBody() string {
	if x.socket != nil {
		return "a message"
	}
	return "the body"
}

// value is the credential for a placeholder that was found.
func (in *bodyInjection) value(id int) string {
	if in.stop != nil || in.values[id] != "" {
		return in.values[id]
	}
	st := in.secrets[id]
	in.x.bodyLent = true
	v, d := in.x.credential(st, in.x.inBody())
	if d != nil {
		in.stop = d
		return ""
	}
	v = in.escape(v)
	if in.sized && len(v) != len(in.escape(st.Placeholder)) {
		in.stop = &denial{status: http.StatusBadGateway, rule: "secret", upset: true,
			message: fmt.Sprintf("the value of the secret %s has changed its length while the request was under way; try again", st.Name)}
		return ""
	}
	in.values[id] = v
	return v
}

// whole replaces in a body that is there in full.
func (in *bodyInjection) whole(body []byte) ([]byte, *denial) {
	s := in.table.NewStreamTo(in.value)
	body = s.Close(s.Append(nil, body))
	return body, in.stop
}

// filter replaces in a body that streams.
func (in *bodyInjection) filter() *injectFilter {
	return &injectFilter{replaceFilter{stream: in.table.NewStreamTo(in.value)}, in}
}

// injectFilter stops a stream into which a credential should go that is not to
// be had.
type injectFilter struct {
	replaceFilter
	in *bodyInjection
}

func (f *injectFilter) write(p []byte) ([]byte, error) { return f.checked(f.replaceFilter.write(p)) }
func (f *injectFilter) flush() ([]byte, error)         { return f.checked(f.replaceFilter.flush()) }
func (f *injectFilter) close() ([]byte, error)         { return f.checked(f.replaceFilter.close()) }

func (f *injectFilter) checked(out []byte, err error) ([]byte, error) {
	if f.in.stop == nil {
		return out, err
	}
	f.in.x.bodyMu.Lock()
	f.in.x.stopped = f.in.stop
	f.in.x.bodyMu.Unlock()
	return nil, &blocked{f.in.stop}
}

// bodyEscape returns how a credential is written inside a body of a type.
func bodyEscape(contentType string) func(string) string {
	typ, _, _ := mime.ParseMediaType(contentType)
	switch {
	case typ == "application/json" || strings.HasSuffix(typ, "+json"):
		return func(s string) string {
			b, err := json.Marshal(s)
			if err != nil {
				return s
			}
			return string(b[1 : len(b)-1])
		}
	case typ == "application/x-www-form-urlencoded":
		return url.QueryEscape
	default:
		return func(s string) string { return s }
	}
}
