package proxy

import (
	"errors"
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strings"
)

// stsHarmless are the actions of AWS STS whose answers hold no credentials.
var stsHarmless = []string{"GetCallerIdentity", "DecodeAuthorizationMessage", "GetAccessKeyInfo"}

// maxSTSBody bounds the body in which the action stands.
const maxSTSBody = decideBytes

// harmlessSTS refuses a request for temporary credentials, unless the secret says so:
// signed by bottle, they would be real, and in the answer.
func (x *exchange) harmlessSTS(st *secretState) *denial {
	action, d := x.stsAction(st)
	if d != nil {
		return d
	}
	if slices.Contains(stsHarmless, action) || slices.Contains(st.Inject.SigV4.STS, action) {
		return nil
	}
	return denySignature(st, fmt.Errorf("%s of sts may give out credentials, which would be the agent's then; the operator can name it under inject.sigv4.sts", headerText(action)))
}

// stsAction is the one that a request asks for, in the query or in a form.
func (x *exchange) stsAction(st *secretState) (string, *denial) {
	refuse := func(text string) (string, *denial) { return "", denySignature(st, errors.New(text)) }
	query, err := url.ParseQuery(x.out.URL.RawQuery)
	if err != nil {
		return refuse("the parameters of its URL are not escaped right")
	}
	actions := query["Action"]
	if x.out.Body != nil {
		body, d := x.wholeBody(maxSTSBody, denySignature(st, fmt.Errorf("its body, of sts, has more than %d KiB", maxSTSBody>>10)))
		if d != nil {
			return "", d
		}
		types := x.out.Header["Content-Type"]
		typ, _, err := mime.ParseMediaType(strings.Join(types, ","))
		if len(body) > 0 && (err != nil || typ != "application/x-www-form-urlencoded" || len(x.out.Header["Content-Encoding"]) > 0) {
			return refuse("its body is no form, so what it asks of sts cannot be told")
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return refuse("its form is not escaped right")
		}
		actions = append(actions, form["Action"]...)
	}
	if len(actions) != 1 {
		return refuse("it does not ask for exactly one Action of sts")
	}
	return actions[0], nil
}
