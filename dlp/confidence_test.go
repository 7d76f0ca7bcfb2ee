package dlp_test

import (
	"hash/crc32"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// Each rule has a confidence but the one of what was not read.
func TestRulesHaveConfidence(t *testing.T) {
	for _, r := range dlp.Rules() {
		switch c := r.Confidence(); {
		case r.ID == dlp.RuleUnscanned:
			if c != "" {
				t.Errorf("%s has the confidence %s", r.ID, c)
			}
		case c != dlp.High && c != dlp.Medium && c != dlp.Low:
			t.Errorf("%s has the confidence %q", r.ID, c)
		case c == dlp.High && r.Action == dlp.Warn:
			t.Errorf("%s is only warned of, but with high confidence", r.ID)
		}
	}
}

// withSum appends the checksum that tokens of GitHub and npm have.
func withSum(prefix, body string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := crc32.ChecksumIEEE([]byte(body))
	var end [6]byte
	for i := len(end) - 1; i >= 0; i-- {
		end[i] = digits[sum%62]
		sum /= 62
	}
	return prefix + body + string(end[:])
}

func TestConfidenceOfFindings(t *testing.T) {
	body := random(3, alnum, 30)
	summed := withSum("gh"+"p_", body)
	// The sample of the announcement of the format.
	if got, want := withSum("", "zQWBuTSOoRi4A9sp"+"HcVY5ncnsDkxkJ")[30:], "0mLq17"; got != want {
		t.Fatalf("the checksum is %s, want %s", got, want)
	}
	e := mustEngine(t, dlp.Known{Name: "db", Value: secretValue}, dlp.Known{Name: "weak", Value: "postgres1"})
	for _, tt := range []struct {
		name, text string
		want       dlp.Confidence
	}{
		{"a token of GitHub with its checksum", "use " + summed, dlp.High},
		{"one with another checksum is found all the same", "use " + summed[:39] + string(map[bool]byte{true: '1', false: '0'}[summed[39] == '0']), dlp.Medium},
		{"a token of npm with its checksum", "use " + withSum("np"+"m_", body), dlp.High},
		{"one in base64", "use " + base64Std("the token is "+summed+" today"), dlp.High},
		{"a short prefix of an exact length", "use AK" + "IA" + random(4, "A-Z2-7", 16), dlp.High},
		{"a value that is called a secret", "client_secret=" + random(5, alnum, 32), dlp.Low},
		{"a known value", "x " + secretValue, dlp.High},
		{"a weak one", "password=postgres1\n", dlp.Medium},
	} {
		found := e.Scan([]byte(tt.text))
		if len(found) != 1 || found[0].Confidence != tt.want {
			t.Errorf("%s: %+v, want one of %s confidence", tt.name, found, tt.want)
		}
	}
}
