package proxy

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// injectHead puts credentials where their placeholders stand in the headers
// and, for secrets that opted in, in the query of the outgoing request.
//
// A placeholder in a place that carries credentials, on its way to a host that
// is not allowed this secret, is a denial: the client believes it is logged in
// there and would only get a confusing refusal. Anywhere else it is text.
//
// What a secret brings beside its value goes along only where the value went.
func (x *exchange) injectHead() *denial {
	if len(x.placeholders) == 0 {
		return nil
	}
	for _, st := range x.snap.secrets {
		if !slices.Contains(x.placeholders, st.Name) {
			continue
		}
		for _, kind := range headKinds {
			if d := kind.put(x, st); d != nil {
				return d
			}
		}
	}
	return nil
}

// headKind is one way in which a secret goes into the head of the outgoing request,
// each in a file of its own. It looks for the placeholder, asks for the credential
// through headCredential, and leaves a request alone that has nothing for it. What
// needs the body too comes behind it: bodyInjection, and sign.
type headKind interface {
	put(x *exchange, st *secretState) *denial
}

// headKinds are in the order in which they are tried.
var headKinds = [...]headKind{inHeaders{}, inBasic{}, inQuery{}, beside{}}

// mayInject says why a secret must not go where this request goes, or nil.
func (x *exchange) mayInject(st *secretState, place string) *denial {
	deny := func(why string) *denial {
		return &denial{status: http.StatusForbidden, rule: "placeholder", message: fmt.Sprintf(
			"the placeholder of the secret %s stands in %s of a request to %s, and %s. The request was not sent. %s", st.Name, place, x.target.Host, why, advice)}
	}
	switch {
	case x.route == nil || !slices.Contains(x.route.Secrets, st.Name):
		return deny("no route allows this secret there")
	case len(st.Hosts) > 0 && !slices.Contains(st.Hosts, x.target.Host):
		return deny("it is for " + strings.Join(st.Hosts, " and ") + " only")
	case x.target.Scheme != "https" && !x.route.Private:
		return deny("plain http would carry the credential in clear (use https; the operator can say private: true for a host of their own network)")
	}
	return nil
}

// wrongPlace refuses a placeholder that stands in a header where its secret is
// never injected.
func (x *exchange) wrongPlace(st *secretState, place string) *denial {
	if d := x.mayInject(st, place); d != nil {
		return d
	}
	return &denial{status: http.StatusForbidden, rule: "placeholder", message: fmt.Sprintf(
		"the placeholder of the secret %s stands in %s, and this secret goes into %s only. The request was not sent. %s", st.Name, place, st.Inject.places(), advice)}
}

// credential returns the value to put in, after asking whether it may go.
func (x *exchange) credential(st *secretState, place string) (string, *denial) {
	if d := x.mayInject(st, place); d != nil {
		return "", d
	}
	v, d := x.lend(st)
	if d != nil {
		return "", d
	}
	x.bodyMu.Lock()
	defer x.bodyMu.Unlock()
	if !slices.Contains(x.injected, st.Name) {
		x.injected = append(x.injected, st.Name)
	}
	return v, nil
}

// lend takes the value of a secret for this exchange, and remembers who knows
// it for the search of the answer.
func (x *exchange) lend(st *secretState) (string, *denial) {
	v, snap, err := x.s.secretValue(x.ctx, x.snap, st)
	if err != nil {
		return "", x.noValue(st, err)
	}
	if snap != x.snap {
		x.bodyMu.Lock()
		x.lent = snap
		x.bodyMu.Unlock()
	}
	return v, nil
}

func (x *exchange) noValue(st *secretState, err error) *denial {
	x.s.log.Error("secret", "name", st.Name, "error", err)
	return &denial{status: http.StatusBadGateway, rule: "secret", upset: true,
		message: fmt.Sprintf("the value of the secret %s cannot be had on the host; the operator's log says why", st.Name)}
}

// headCredential is credential for the head, which can be put in anew.
func (x *exchange) headCredential(st *secretState, place string) (string, *denial) {
	v, d := x.credential(st, place)
	if d != nil {
		return "", d
	}
	if l := x.inHead(st); l != nil {
		l.value = v
	} else {
		x.headLent = append(x.headLent, lentValue{st, v})
	}
	return v, nil
}

// lentValue is the value of a secret that was put into a request.
type lentValue struct {
	of    *secretState
	value string
}

// inHead returns what was put into the head last for a secret, or nil.
func (x *exchange) inHead(st *secretState) *lentValue {
	for i := range x.headLent {
		if l := &x.headLent[i]; l.of == st {
			return l
		}
	}
	return nil
}

// places names where the secret is injected, for a person.
func (in Inject) places() string {
	var out []string
	for _, h := range in.Headers {
		if h == "*" {
			h = "any"
		}
		out = append(out, "header "+h)
	}
	if in.Bearer {
		out = append(out, "Authorization: Bearer")
	}
	if in.Basic {
		out = append(out, "Authorization: Basic")
	}
	if len(in.Query) > 0 {
		out = append(out, "the query")
	}
	if in.Body {
		out = append(out, "the body")
	}
	if in.SigV4 != nil {
		out = append(out, "signatures of AWS")
	}
	return strings.Join(out, ", ")
}
