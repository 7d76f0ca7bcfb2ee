package proxy

import (
	"encoding/base64"
	"strings"
)

// inBasic is for what is in the base64 of Authorization: Basic (RFC 7617), the user or the
// password.
type inBasic struct{}

func (inBasic) put(x *exchange, st *secretState) *denial {
	const field = "Authorization"
	return x.field(field, x.out.Header[field], func(name string, value *string) *denial {
		rest, is := basicOf(name, *value)
		if !is {
			return nil
		}
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
	})
}

// basicOf returns what stands behind the word Basic.
func basicOf(name, value string) (rest string, is bool) {
	if rest, is = cutScheme(value, "basic"); is && strings.EqualFold(name, "Authorization") {
		return rest, true
	}
	return "", false
}

// decodeBasic accepts what servers accept: padding or not, and either alphabet
// (RFC 4648, sections 4 and 5).
func decodeBasic(s string) (string, error) {
	b, err := base64.RawStdEncoding.DecodeString(standardAlphabet.Replace(strings.TrimRight(s, "=")))
	return string(b), err
}

var standardAlphabet = strings.NewReplacer("-", "+", "_", "/")
