package dlp

import (
	"encoding/base64"
	"testing"
)

func TestBasicAuth(t *testing.T) {
	r := newRand(1)
	enc := base64.StdEncoding.EncodeToString
	for range 30 {
		for _, pair := range []string{"svc:" + randText(r, "!-9A-Za-z", 12), "api-user:" + randText(r, "a-z0-9", 20), "jörg:" + randText(r, "A-Za-z0-9", 16), ":" + randText(r, "A-Za-z0-9", 24)} {
			text := enc([]byte(pair))
			for _, before := range []string{"Authorization: Basic ", "authorization: basic ", `{"Authorization":"Basic `, `-H 'Proxy-Authorization: Basic `, `\nBasic `} {
				wantRun(t, before+text+"\"", "basic-auth", text)
			}
		}
	}
	for _, pair := range []string{"user:password", "username:password", "Aladdin:open sesame", "no colon in this", "x-access-token:", "user:xxxxxxxx", "a:b\x00c\x01defghijk"} {
		wantNoRun(t, pair, "Authorization: Basic "+enc([]byte(pair)))
	}
	wantNoRun(t, "the example of RFC 6749", "Authorization: Basic "+enc([]byte("s6BhdRkqt3:gX1fBat3bV")))
	wantNoRun(t, "its token", "Authorization: Bearer 2YotnFZFEjr1zCsicMWpAA")
	wantNoRun(t, "prose", "This is Basic AuthenticationForEverybody in HTTP")
	wantNoRun(t, "another word", "Visual-nonbasic "+enc([]byte("svc:aB3!kd93jKd0")))
}

func TestBearerToken(t *testing.T) {
	r := newRand(2)
	for range 30 {
		for _, text := range []string{randText(r, "0-9a-f", 40), randText(r, "A-Za-z0-9", 32) + "5Zk", randText(r, "A-Za-z0-9", 20) + "." + randText(r, "A-Za-z0-9", 30), randText(r, "A-Za-z0-9+/", 43) + "="} {
			for _, before := range []string{"Authorization: Bearer ", `"authorization":"bearer `, `\nBearer `, "Authorization: token ", `"Authorization": "ApiKey `, "authorization: sso-key "} {
				if !looksRandom([]byte(text)) {
					continue
				}
				wantRun(t, before+text+`"`, "bearer-token", text)
			}
		}
	}
	for name, in := range map[string]string{
		"a template":     "Authorization: Bearer ${ACCESS_TOKEN_OF_THE_SERVICE}",
		"a name":         "Authorization: Bearer your-access-token-goes-here",
		"a proof":        "Authorization: Hawk " + randText(r, "A-Za-z0-9", 32),
		"prose":          "a bearer authentication-scheme-of-oauth is used",
		"a JWT":          "Bearer eyJhbGciOiJIUzI1NiJ9." + randText(r, "A-Za-z0-9", 40),
		"a short one":    "Bearer " + randText(r, "0-9a-f", 19),
		"token in prose": "the token " + randText(r, "A-Za-z0-9", 32),
	} {
		wantNoRun(t, name, in)
	}
}
