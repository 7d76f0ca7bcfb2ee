package proxy

import (
	"encoding/base64"
	"slices"
	"strings"
)

// inHeaders is for header fields: any, named ones, Bearer, and what is in the base64 of
// Basic.
type inHeaders struct{}

func (k inHeaders) put(x *exchange, st *secretState) *denial {
	for name, values := range x.out.Header {
		for i := range values {
			before := values[i]
			if d := k.value(x, st, name, &values[i]); d != nil {
				return d
			}
			if values[i] != before {
				x.restores = append(x.restores, restore{header: name, index: i, text: before})
			}
		}
	}
	return nil
}

// value handles one value of one header.
func (inHeaders) value(x *exchange, st *secretState, name string, value *string) *denial {
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

// decodeBasic accepts what servers accept: padding or not, and either alphabet
// (RFC 4648, sections 4 and 5).
func decodeBasic(s string) (string, error) {
	b, err := base64.RawStdEncoding.DecodeString(standardAlphabet.Replace(strings.TrimRight(s, "=")))
	return string(b), err
}

var standardAlphabet = strings.NewReplacer("-", "+", "_", "/")
