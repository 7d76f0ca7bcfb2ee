package proxy

import (
	"fmt"
	"net/http"
	"strings"
)

// methodHeaders and pathHeaders are those by which many servers and frameworks let a
// request be one of another method, or for another path, than its first line says.
var (
	methodHeaders = [...]string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}
	pathHeaders   = [...]string{"X-Original-Url", "X-Rewrite-Url"}
)

// overridden refuses a request of which a header says something else than its first
// line, where the policy makes a difference between the two. An operator who is asked
// sees the first line only.
func (x *exchange) overridden() *denial {
	if x.virtual() != nil {
		return nil
	}
	for _, name := range methodHeaders {
		for _, v := range x.r.Header[name] {
			other := x.target
			other.Method = strings.ToUpper(strings.TrimSpace(v))
			if d := x.sameFor(name, "ambiguous-method", other); d != nil {
				return d
			}
		}
	}
	for _, name := range pathHeaders {
		for _, v := range x.r.Header[name] {
			other := x.target
			other.Path, _, _ = strings.Cut(v, "?")
			if d := x.sameFor(name, "ambiguous-path", other); d != nil {
				return d
			}
		}
	}
	return nil
}

// sameFor refuses what the policy would not decide in the same way for other.
func (x *exchange) sameFor(header, rule string, other Target) *denial {
	if other.Path == x.target.Path && (other.Method == "" || strings.EqualFold(other.Method, x.target.Method)) {
		return nil
	}
	if d := x.snap.Policy.Decide(other); d.Action == Allow && d.Action == x.decision.Action && d.Route == x.decision.Route {
		return nil
	}
	return &denial{status: http.StatusForbidden, rule: rule, message: fmt.Sprintf(
		"the header %s has a server take this request for another one, about which the policy may say something else; send that one itself", header)}
}
