package proxy

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
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
		if !x.placeholders[st.Name] {
			continue
		}
		for name, values := range x.out.Header {
			for i := range values {
				before := values[i]
				if d := x.injectHeader(st, name, &values[i]); d != nil {
					return d
				}
				if values[i] != before {
					x.restores = append(x.restores, restore{header: name, index: i, text: before})
				}
			}
		}
		if d := x.injectQuery(st); d != nil {
			return d
		}
		if d := x.addBeside(st); d != nil {
			return d
		}
	}
	return nil
}

// addBeside adds the headers that a provider wants beside a credential.
func (x *exchange) addBeside(st *secretState) *denial {
	if _, lent := x.headLent[st]; !lent || st.Beside == nil {
		return nil
	}
	fields, err := st.Beside(x.ctx)
	if err != nil {
		return x.noValue(st, err)
	}
	for name, value := range fields {
		x.out.Header.Set(name, value)
	}
	return nil
}

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

// injectHeader handles one value of one header.
func (x *exchange) injectHeader(st *secretState, name string, value *string) *denial {
	if rest, ok := cutScheme(*value, "basic"); ok && strings.EqualFold(name, "Authorization") {
		raw, err := decodeBasic(rest)
		if err != nil || !strings.Contains(raw, st.Placeholder) {
			return nil
		}
		if !st.Inject.zero() && !st.Inject.Basic && !st.Inject.anyHeader(name) {
			return x.wrongPlace(st, inHeader(name)+" as Basic")
		}
		v, d := x.headCredential(st, inHeader(name))
		if d != nil {
			return d
		}
		*value = (*value)[:len(*value)-len(rest)] + base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(raw, st.Placeholder, v)))
		return nil
	}
	if !strings.Contains(*value, st.Placeholder) {
		return nil
	}
	if !st.Inject.zero() && !st.Inject.anyHeader(name) && (!st.Inject.Bearer || !isBearer(name, *value, st.Placeholder)) {
		return x.wrongPlace(st, inHeader(name))
	}
	v, d := x.headCredential(st, inHeader(name))
	if d != nil {
		return d
	}
	*value = strings.ReplaceAll(*value, st.Placeholder, v)
	return nil
}

func inHeader(name string) string { return "the header " + headerText(name) }

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
	if d == nil {
		if x.headLent == nil {
			x.headLent = map[*secretState]string{}
		}
		x.headLent[st] = v
	}
	return v, d
}

// injectQuery handles the parameters that the secret opted in to.
func (x *exchange) injectQuery(st *secretState) *denial {
	if len(st.Inject.Query) == 0 || x.out.URL.RawQuery == "" {
		return nil
	}
	params := strings.Split(x.out.URL.RawQuery, "&")
	changed := false
	for i, p := range params {
		name, raw, _ := strings.Cut(p, "=")
		key, err1 := url.QueryUnescape(name)
		text, err2 := url.QueryUnescape(raw)
		if err1 != nil || err2 != nil || !strings.Contains(text, st.Placeholder) {
			continue
		}
		if !slices.Contains(st.Inject.Query, "*") && !slices.Contains(st.Inject.Query, key) {
			continue
		}
		v, d := x.headCredential(st, "the query parameter "+headerText(key))
		if d != nil {
			return d
		}
		params[i] = name + "=" + url.QueryEscape(strings.ReplaceAll(text, st.Placeholder, v))
		changed = true
	}
	if changed {
		x.restores = append(x.restores, restore{text: x.out.URL.RawQuery})
		x.out.URL.RawQuery = strings.Join(params, "&")
	}
	return nil
}

// anyHeader reports whether the secret may stand anywhere in this header.
func (in Inject) anyHeader(name string) bool {
	return in.zero() || slices.ContainsFunc(in.Headers, func(h string) bool { return h == "*" || strings.EqualFold(h, name) })
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

func isBearer(name, value, placeholder string) bool {
	if !strings.EqualFold(name, "Authorization") {
		return false
	}
	for _, scheme := range []string{"bearer", "token"} {
		if rest, ok := cutScheme(value, scheme); ok && rest == placeholder {
			return true
		}
	}
	return false
}

// cutScheme splits an Authorization value (RFC 9110, section 11.4).
func cutScheme(value, scheme string) (rest string, ok bool) {
	if len(value) <= len(scheme) || value[len(scheme)] != ' ' || !strings.EqualFold(value[:len(scheme)], scheme) {
		return "", false
	}
	return strings.TrimLeft(value[len(scheme):], " "), true
}

// decodeBasic accepts what servers accept: padding or not, and either alphabet
// (RFC 4648, sections 4 and 5).
func decodeBasic(s string) (string, error) {
	b, err := base64.RawStdEncoding.DecodeString(standardAlphabet.Replace(strings.TrimRight(s, "=")))
	return string(b), err
}

var standardAlphabet = strings.NewReplacer("-", "+", "_", "/")
