package dlp_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

func TestField(t *testing.T) {
	const value = "correct-Horse7battery.Staple9x"
	known := "ghp_" + random(11, alnum, 36)
	e := mustEngine(t, dlp.Known{Name: "app", Value: value})
	for text, want := range map[string]string{
		`{"api_key": "` + value + `"}`:                         "api_key",
		`{\"githubToken\":\"` + value + `\"}`:                  "githubToken",
		"GITHUB_TOKEN=" + value + "\n":                         "GITHUB_TOKEN",
		"Authorization: Bearer " + value + "\r\n":              "Authorization",
		"?access_token=" + value + "&x=1":                      "access_token",
		"aws_secret_access_key = " + value + "\n":              "aws_secret_access_key",
		"it is " + value + ".":                                 "",
		`{"hunter": "` + value + `"}`:                          "", // a word that is in no such name
		`{"` + known + `": "` + value + `"}`:                   "", // a secret itself
		`{"a_b_c_d_e": "` + value + `"}`:                       "",
		`{"password_` + random(3, alnum, 60) + `":"` + value:   "",
		`{"my_very_own_api_key_value": "` + value + `", "x":1`: "",
	} {
		sc := e.NewScanner()
		found := append(sc.Write([]byte(text)), sc.Close()...)
		at := -1
		for i, f := range found {
			if f.Name == "app" {
				at = i
			}
		}
		if at < 0 {
			t.Errorf("%q: not found: %v", text, found)
		} else if got := found[at].Field; got != want {
			t.Errorf("%q: field %q, want %q", text, got, want)
		}
	}
}

// What is known is in no name, wherever in it that stands and however far behind it the
// match ends.
func TestFieldIsNoKnownValue(t *testing.T) {
	token := "ghp_" + random(11, alnum, 36)
	for _, c := range []struct{ known, before, want string }{
		{"x8Kd92qPz7Lm.Rt4w", `{"admin-password-default": "`, "admin-password-default"},
		{"admin-password-default", `{"admin-password-default": "`, ""},
		{"admin-password-default", `{"api.admin-password-default": "`, ""},
		{"x8Kd92qPz7Lm/api-token", " x8Kd92qPz7Lm/api-token=", ""},
		{"password", `{"password": "`, ""}, // weak
		{"password", `{"app_password": "`, ""},
		{"db/password", " db/password=", ""},
		{"x8Kd92qPz7Lm.Rt4w", `{"__": "`, ""}, // no word
	} {
		e := mustEngine(t, dlp.Known{Name: "app", Value: c.known})
		for _, value := range []string{token, webToken(4000)} {
			text := strings.Repeat("words ", 20) + c.before + value + "\"\n" + strings.Repeat(" words", 80)
			for _, size := range []int{1, 7, 64, 200, len(text)} {
				n := 0
				for _, f := range inChunks(e, text, size) {
					if f.Name != "app" {
						n++
						if f.Field != c.want {
							t.Errorf("%q, known %q, in chunks of %d: field %q, want %q", c.before, c.known, size, f.Field, c.want)
						}
					}
				}
				if n == 0 {
					t.Errorf("%q, known %q, in chunks of %d: nothing is found", c.before, c.known, size)
				}
			}
		}
	}
}

// A part of a long value is not the value of what is before it there.
func TestFieldOfLongValue(t *testing.T) {
	value := random(4, alnum, 242) + ",password=" + random(5, alnum, 252)
	for _, f := range mustEngine(t, dlp.Known{Name: "app", Value: value}).Scan([]byte("token=" + value + "\n")) {
		if f.Field == "password" {
			t.Errorf("%s at %d has the field %q", f.Rule, f.Offset, f.Field)
		}
	}
}

// webToken returns a JSON Web Token of n bytes or a few more.
func webToken(n int) string {
	enc := base64.RawURLEncoding.EncodeToString
	head, tail := enc([]byte(`{"alg":"HS256","typ":"JWT"}`)), random(7, alnum, 43)
	sub := (n - len(head) - len(tail)) * 3 / 4
	return head + "." + enc([]byte(`{"iat":1516239022,"sub":"`+random(8, alnum, sub-27)+`"}`)) + "." + tail
}
