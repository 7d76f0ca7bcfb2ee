package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// keptClaims are the claims of a JSON web token (RFC 7519, section 4.1; OpenID
// Connect Core, section 2) that clients look at before they use it, and that
// say nothing about a person.
var keptClaims = map[string]bool{"iss": true, "aud": true, "exp": true, "iat": true, "nbf": true, "auth_time": true}

// claim is where a string (without its quotes) or a number stands in a payload.
type claim struct {
	from, to int
	number   bool
}

// jwtShape takes a signed JSON web token apart: header.payload.signature, each
// base64url without padding (RFC 7515). The signature is what makes it a
// credential.
func jwtShape(value string) (shape, bool) {
	parts := strings.Split(value, ".")
	if len(parts) != 3 || !strings.HasPrefix(value, "eyJ") {
		return shape{}, false
	}
	var docs [2][]byte
	for i := range docs {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || base64.RawURLEncoding.EncodeToString(b) != parts[i] || !json.Valid(b) || b[0] != '{' {
			return shape{}, false
		}
		docs[i] = b
	}
	header := len(parts[0]) + 1
	s := shape{
		value: value, public: header, private: header + len(parts[1]) + 1, body: anyText,
		claims:  claimSpans(docs[1]),
		varying: countVarying(parts[2]),
	}
	return s, s.varying >= minVarying // without a signature it is no such token
}

// claimSpans finds the strings and numbers of a payload that are replaced:
// all but keys and the claims that are kept, at any depth.
func claimSpans(payload []byte) []claim {
	spans := []claim{}
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	var walk func(kept bool) bool
	walk = func(kept bool) bool {
		tok, err := dec.Token()
		if err != nil {
			return false
		}
		switch v := tok.(type) {
		case json.Delim:
			for dec.More() {
				inner := kept
				if v == '{' {
					key, err := dec.Token()
					if err != nil {
						return false
					}
					name, _ := key.(string)
					inner = kept || keptClaims[name]
				}
				if !walk(inner) {
					return false
				}
			}
			_, err = dec.Token()
			return err == nil
		case string:
			if !kept {
				end := int(dec.InputOffset())
				spans = append(spans, claim{from: stringStart(payload, end), to: end - 1})
			}
		case json.Number:
			if !kept {
				end := int(dec.InputOffset())
				spans = append(spans, claim{from: end - len(v), to: end, number: true})
			}
		}
		return true
	}
	walk(false)
	return spans
}

// stringStart returns where the content of the JSON string that ends at end
// begins: after the quote that no backslash escapes.
func stringStart(b []byte, end int) int {
	for i := end - 2; i >= 0; i-- {
		if b[i] != '"' {
			continue
		}
		slashes := 0
		for i-slashes > 0 && b[i-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
	return end - 1
}

// fillClaims replaces the payload in out by one of the same length.
func (s shape) fillClaims(from *stream, out []byte) {
	part := out[s.public : s.private-1]
	payload, err := base64.RawURLEncoding.DecodeString(string(part))
	if err != nil { // jwtShape has decoded it
		return
	}
	for _, c := range s.claims {
		if c.number {
			replaceNumber(from, payload[c.from:c.to])
		} else {
			replaceString(from, payload[c.from:c.to])
		}
	}
	base64.RawURLEncoding.Encode(part, payload)
}

// replaceString replaces letters and digits, but no escape of JSON.
func replaceString(from *stream, text []byte) {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			anyText.replace(from, text[i:i+1])
			continue
		}
		i++
		if i < len(text) && text[i] == 'u' {
			i += 4
		}
	}
}

// replaceNumber replaces the digits after the first, which may not become a
// zero, and leaves sign, point and exponent where they are.
func replaceNumber(from *stream, text []byte) {
	first := true
	for i, c := range text {
		if c < '0' || c > '9' {
			continue
		}
		if !first {
			text[i] = from.pick(digits)
		}
		first = false
	}
}
