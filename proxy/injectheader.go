package proxy

import (
	"slices"
	"strings"
)

// inHeaders is for header fields: any, named ones, and Bearer.
type inHeaders struct{}

func (inHeaders) put(x *exchange, st *secretState) *denial {
	return x.eachField(func(name string, value *string) *denial {
		if _, is := basicOf(name, *value); is { // what is in it is inBasic's
			return nil
		}
		return headerValue(x, st, name, value)
	})
}

// eachField gives all values of the header to a kind.
func (x *exchange) eachField(change func(name string, value *string) *denial) *denial {
	for name, values := range x.out.Header {
		if d := x.field(name, values, change); d != nil {
			return d
		}
	}
	return nil
}

// field gives the values of one field to a kind, and remembers what it changed.
func (x *exchange) field(name string, values []string, change func(name string, value *string) *denial) *denial {
	for i := range values {
		before := values[i]
		if d := change(name, &values[i]); d != nil {
			return d
		}
		if values[i] != before {
			x.restores = append(x.restores, restore{header: name, index: i, text: before})
		}
	}
	return nil
}

func headerValue(x *exchange, st *secretState, name string, value *string) *denial {
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

// anyHeader reports whether the secret may stand anywhere in this header.
func (in Inject) anyHeader(name string) bool {
	return in.zero() || slices.ContainsFunc(in.Headers, func(h string) bool { return h == "*" || strings.EqualFold(h, name) })
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
