package dlp

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// keySamples makes samples of what is told by signs at fixed places, by rule.
var keySamples = map[string]func(r *rand.Rand) []string{
	"azure-key": func(r *rand.Rand) []string {
		text := func(n int) string { return randText(r, "A-Za-z0-9", n) }
		return []string{
			text(76) + "AZ" + "DO" + text(4), text(52) + "JQ" + "QJ99" + text(26), text(42) + "Az" + "SeA" + text(5), text(42) + "+A" + "CRB" + text(5),
			text(44) + "Az" + "Fu" + text(6) + "==", text(33) + "+A" + "Sb" + text(6) + "=", text(33) + "+A" + "Eh" + text(6) + "=", text(33) + "Az" + "CaA" + text(5) + "=", text(33) + "AI" + "oT" + text(6) + "=",
			text(76) + "+A" + "St" + text(6) + "==", text(76) + "AC" + "Db" + text(6) + "==",
		}
	},
	"newrelic-license-key": func(r *rand.Rand) []string {
		return []string{randText(r, "0-9a-f", 36) + "NR" + "AL", "eu01xx" + randText(r, "0-9a-f", 30) + "NR" + "AL", randText(r, "0-9a-f", 32) + "FFFFNR" + "AL"}
	},
	"maxmind-key": func(r *rand.Rand) []string {
		return []string{randText(r, "A-Za-z0-9", 6) + "_" + randText(r, "A-Za-z0-9", 29) + "_m" + "mk"}
	},
	"mailgun-private-key": func(r *rand.Rand) []string {
		return []string{randText(r, "0-9a-f", 32) + "-" + randText(r, "0-9a-f", 8) + "-" + randText(r, "0-9a-f", 8)}
	},
	"infobip-key": func(r *rand.Rand) []string {
		hex := func(n int) string { return randText(r, "0-9a-f", n) }
		return []string{strings.Join([]string{hex(32), hex(8), hex(4), hex(4), hex(4), hex(12)}, "-")}
	},
	"ngrok-token": func(r *rand.Rand) []string {
		return []string{"2" + randText(r, "A-Za-z0-9", 26) + "_" + randText(r, "0-9", 1) + randText(r, "A-Za-z0-9", 20)}
	},
	"zhipu-key": func(r *rand.Rand) []string {
		return []string{randText(r, "0-9a-f", 32) + "." + randText(r, "A-Za-z0-9", 16)}
	},
	"facebook-app-token": func(r *rand.Rand) []string {
		return []string{"1" + randText(r, "1-9", 14) + "|" + randText(r, "A-Za-z0-9_-", 27), "1" + randText(r, "1-9", 14) + "%7C" + randText(r, "A-Za-z0-9", 27)}
	},
	"tableau-token": func(r *rand.Rand) []string {
		return []string{randText(r, "A-Za-z0-9", 22) + "==:" + randText(r, "A-Za-z0-9", 32)}
	},
	"ably-key": func(r *rand.Rand) []string {
		return []string{randText(r, "A-Za-z0-9", 6) + "." + randText(r, "A-Za-z0-9", 6) + ":" + randText(r, "A-Za-z0-9", 43)}
	},
	"asana-token": func(r *rand.Rand) []string {
		return []string{
			randText(r, "01", 1) + "/" + randText(r, "1-9", 16) + ":" + randText(r, "0-9a-f", 32),
			"2/" + randText(r, "1-9", 16) + "/" + randText(r, "1-9", 16) + ":" + randText(r, "0-9a-f", 32),
		}
	},
	"ghost-key": func(r *rand.Rand) []string {
		return []string{randText(r, "0-9a-f", 24) + ":" + randText(r, "0-9a-f", 64)}
	},
	"unleash-token": func(r *rand.Rand) []string {
		return []string{"default:production." + randText(r, "0-9a-f", 56), "*:*." + randText(r, "0-9a-f", 56), "[]:development." + randText(r, "0-9a-f", 64)}[:2]
	},
}

// One in some hundred samples has a body that reads as words do.
func TestKeysWithSigns(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := newRand(41)
	const rounds = 60
	for rule, samples := range keySamples {
		tried, missed := 0, 0
		for range rounds {
			for _, key := range samples(r) {
				for _, f := range []frame{{"", ""}, {`{"k":"`, `"}`}, {"x: ", "\n"}, {`{"text":"a\n`, `\nb"}`}, {"KEY=", "\n"}, {"(", ")."}} {
					tried++
					found := e.Scan([]byte(f.before + key + f.after))
					switch {
					case len(found) == 0 || found[0].Rule != rule:
						missed++
					case found[0].Offset != int64(len(f.before)) || found[0].Length != len(key):
						t.Errorf("%s: %v in %q", rule, found, f.before+key+f.after)
					}
				}
			}
		}
		if 20*missed > tried {
			t.Errorf("%s: %d of %d were not found", rule, missed, tried)
		}
	}
}

// What is nearly a key is none.
func TestKeysWithSignsElsewhere(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := newRand(42)
	for rule, samples := range keySamples {
		for range 20 {
			for _, key := range samples(r) {
				key = strings.TrimRight(key, "=")
				for name, in := range map[string]string{
					"too short":      key[:len(key)-10],
					"too long":       key + strings.Repeat("Zz9", 10),
					"parted":         strings.NewReplacer(".", " ", ":", " ", "|", " ", "%7C", " ").Replace(key[:len(key)-1]),
					"without a sign": strings.NewReplacer("AZ", "zz", "QQ", "zz", "Az", "zz", "+A", "zz", "AI", "zz", "AC", "zz", "NRAL", "0123", "_", "x", "/", "-", "|", "-", "%7C", "%7D", ":", "-", ".", "-", "-", "0").Replace(key),
				} {
					for _, f := range e.Scan([]byte(in)) {
						if f.Rule == rule {
							t.Errorf("%s: %s is one: %q", rule, name, in)
						}
					}
				}
			}
		}
	}
}
