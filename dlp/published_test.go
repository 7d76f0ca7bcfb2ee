package dlp_test

import (
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// What documentation shows to everyone is no secret; the same with another
// character is one.
func TestPublishedSamples(t *testing.T) {
	e := mustEngine(t)
	key := "-----BEGIN EC " + "PRIVATE KEY-----\n"
	for _, tt := range []struct{ name, before, text, after string }{
		{"a swarm of Docker's documentation", `"JoinToken": "`, "SWM" + "TKN-1-3pu6hszjas19xyp7ghgosyx9k8atbfcr8p2is99znpy26u2lkl-7p73s1dx5in4tatdymyhg9hu2", `"`},
		{"the key in the documentation of crypto/tls", key, "MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY" + "/PuoAoGCCqGSM49", "\nAwEHoUQDQg\n"},
		{"the key in Twilio's documentation of APN", "-----BEGIN RSA " + "PRIVATE KEY----- ", "MIIEpQIBAAKCAQEAuyf/lNrH9ck8DmNyo3fGgvCI1l9s+" + "cmBY3WIz+cUDqmxiieR", ". "},
		{"a signature of AWS's documentation", "https://x.blob.core.windows.net/c?sv=2021-06-08&se=2030-01-01&sig=", "aBBKDWQvyuVcTPH9EBp%2FXTI9E%2F%2F" + "mq171%2BZU178wcwqU%3D", " "},
		{"a key of RFC 8037", `{"kty":"OKP","crv":"Ed25519","d":"`, "nWGxne_9WmC6hEr0kuwsxERJxWl7" + "MmkZcDusAxyuf2A", `"}`},
		{"a key of RFC 7748", `PrivateKey: "`, "77076d0a7318a57d3c16c17251b26645" + "df4c2f87ebc0992ab177fba51db92c2a", `"`},
	} {
		if found := e.Scan([]byte(tt.before + tt.text + tt.after)); len(found) > 0 {
			t.Errorf("%s: %+v", tt.name, found)
		}
		other := []byte(tt.text)
		if at := len(other) - 9; other[at] == '7' {
			other[at] = '8'
		} else {
			other[at] = '7'
		}
		if found := e.Scan([]byte(tt.before + string(other) + tt.after)); len(found) == 0 {
			t.Errorf("%s with another character is not found", tt.name)
		}
	}
}

// A row of digits in a table is no card, one in a line is.
func TestDigitsInAColumn(t *testing.T) {
	e := mustEngine(t)
	digits := strings.Split(luhn("54"+"3233655432373"), "")
	for sep, want := range map[string]bool{"\n": false, "\r\n": false, " ": true, "-": true} {
		found := e.Scan([]byte("the numbers:\n28\n" + strings.Join(digits, sep) + "\n18\n"))
		if got := len(found) == 1 && found[0].Rule == dlp.RuleCard; got != want {
			t.Errorf("between %q: %+v, want a card: %v", sep, found, want)
		}
	}
}

// What only starts as a frame of zstd has a size that none has, and no window.
func TestFrameOfNoSize(t *testing.T) {
	e := mustEngine(t)
	for text, want := range map[string]int{
		"(\xb5/\xfd\xe40000000\xfa20\x00":                            0,
		"(\xb5/\xfd\xe4\x00\x00\x00\x40\x00\x00\x00\x00\x01\x00\x00": 1, // of 1 GiB
	} {
		found := e.Scan([]byte("x " + text))
		if len(found) != want || want > 0 && found[0].Name != dlp.UnscannedBudget {
			t.Errorf("%q: %+v, want %d findings", text, found, want)
		}
	}
}

// Numbers of few digits are found wherever they start, whatever stands beside them.
func TestShortNumbersAtEachOffset(t *testing.T) {
	e := mustEngine(t)
	for rule, number := range map[string]func(seed uint64) string{
		"visa":   func(seed uint64) string { return luhn("4" + random(seed, "0-9", 11)) },
		"diners": func(seed uint64) string { return luhn("36" + random(seed, "0-9", 11)) },
		"norway": func(seed uint64) string { return ibanOf("NO", random(seed, "0-9", 11)) },
	} {
		for seed := range uint64(30) {
			text := number(seed)
			for _, c := range [][2]string{{"\n", "\n"}, {"|", "|"}, {`\n`, `\n`}, {`:"`, `"}`}, {`":`, `}`}, {"\t", "\tx"}, {"[", "]"}} {
				in := func(pad int) string { return strings.Repeat(" ", pad) + "card" + c[0] + text + c[1] }
				for pad := range 8 {
					want, found := len(e.Scan([]byte("card "+text+" x"))), e.Scan([]byte(in(pad)))
					if len(found) != want || want > 0 && found[0].Offset != int64(pad+len("card"+c[0])) {
						t.Errorf("%s: %q: %+v, want %d", rule, in(pad), found, want)
					}
				}
			}
		}
	}
}
