package dlp_test

import (
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
