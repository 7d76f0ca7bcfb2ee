package dlp

import (
	"encoding/base64"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func discordSample(r *rand.Rand) string {
	id := base64.RawStdEncoding.EncodeToString([]byte(strconv.FormatUint(1e17+r.Uint64N(1.2e18-1e17), 10)))
	return id + "." + randText(r, "A-Za-z0-9_-", 6) + "." + randText(r, "A-Za-z0-9_-", 27+11*r.IntN(2))
}

// tokenSamples makes a sample of each format that needs no word before it.
var tokenSamples = map[string]func(r *rand.Rand) string{
	"discord-bot-token": discordSample,
	"telegram-bot-token": func(r *rand.Rand) string {
		return randText(r, "1-9", 1) + randText(r, "0-9", 7+r.IntN(3)) + ":A" + "A" + randText(r, "A-Za-z0-9_-", 33)
	},
	"mailchimp-key": func(r *rand.Rand) string {
		return randText(r, "0-9a-f", 32) + "-us" + strconv.Itoa(1+r.IntN(21))
	},
	"openshift-token": func(r *rand.Rand) string { return "sha256~" + randText(r, "A-Za-z0-9_-", 43) },
	"azure-client-secret": func(r *rand.Rand) string {
		return randText(r, "A-Za-z0-9", 3) + randText(r, "0-9", 1) + "Q" + "~" + randText(r, "A-Za-z0-9_-", 31+r.IntN(4))
	},
	"terraform-cloud-token": func(r *rand.Rand) string {
		return randText(r, "A-Za-z0-9", 14) + ".atlas" + "v1." + randText(r, "A-Za-z0-9", 60+r.IntN(11))
	},
	"fcm-server-key": func(r *rand.Rand) string {
		return "AAA" + "A" + randText(r, "A-Za-z0-9_-", 7) + ":APA" + "91b" + randText(r, "A-Za-z0-9_-", 134)
	},
}

func TestRunTokens(t *testing.T) {
	r := newRand(1)
	for rule, sample := range tokenSamples {
		for range 30 {
			text := sample(r)
			for _, p := range tokenFrames {
				wantRun(t, p.before+text+p.after, rule, text)
			}
		}
	}
}

func TestRunTokensOfOtherLength(t *testing.T) {
	r := newRand(2)
	for rule, sample := range tokenSamples {
		for range 10 {
			text := sample(r)
			for name, in := range map[string]string{
				"inside a word":  "x" + text,
				"too short":      text[:len(text)*2/3],
				"far too long":   text + randText(r, "a-z", 120),
				"without a dot":  strings.NewReplacer(".", "_", ":", "_", "~", "_", "-us", "_us").Replace(text),
				"filled with x":  text[:len(text)-24] + strings.Repeat("x", 24),
				"other division": strings.NewReplacer(".", " ", ":", " ", "~", " ", "-us", " us").Replace(text),
			} {
				if rule == "mailchimp-key" && name == "filled with x" {
					continue
				}
				wantNoRun(t, rule+" "+name, in)
			}
		}
	}
}

func TestDiscordTokenNeedsNumber(t *testing.T) {
	r := newRand(3)
	for range 50 {
		wantNoRun(t, "random first part", randText(r, "a-z", 24)+"."+randText(r, "A-Za-z0-9", 6)+"."+randText(r, "A-Za-z0-9", 27))
	}
}

func TestTelegramURL(t *testing.T) {
	text := tokenSamples["telegram-bot-token"](newRand(4))
	key := text[strings.IndexByte(text, ':')+1:]
	wantRun(t, "https://api.telegram.org/bot"+text+" ", "telegram-bot-token", text)
	wantNoRun(t, "a path behind it is another key", "x"+text[1:])
	wantNoRun(t, "no number", "bot:"+key)
	wantNoRun(t, "short number", "1234:"+key)
}

func TestTwilioPair(t *testing.T) {
	r := newRand(5)
	for range 20 {
		sid, token := "A"+"C"+randText(r, "0-9a-f", 32), randText(r, "0-9a-f", 32)
		for _, in := range []string{
			sid + ":" + token,
			"-u '" + sid + ":" + token + "'",
			`{"account_sid":"` + sid + `","auth_token":"` + token + `"}`,
			"TWILIO_ACCOUNT_SID=" + sid + "\nTWILIO_AUTH_TOKEN=" + token + "\n",
			`\n` + sid + `\nAuth: \n` + token + `\n`,
		} {
			wantRun(t, in, "twilio-auth-token", token)
		}
		wantNoRun(t, "the SID alone", "sid "+sid+" and more")
		wantNoRun(t, "a digest beside it", `{"sid":"`+sid+`","md5":"`+token+`"}`)
		wantNoRun(t, "far behind it", sid+strings.Repeat(" ", 130)+"token "+token)
	}
}
