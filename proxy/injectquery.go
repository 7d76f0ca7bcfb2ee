package proxy

import (
	"net/url"
	"slices"
	"strings"
)

// inQuery is for the parameters that the secret opted in to.
type inQuery struct{}

func (inQuery) put(x *exchange, st *secretState) *denial {
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
