package dlp

import (
	"hash/crc32"
	"math"
	"slices"
	"sync"
)

// Confidence grades a finding: how likely it is that the text is a credential in
// the format of its rule. It is for who reads findings. No action depends on it,
// and a checksum only raises it, since whoever changes one character would pass.
type Confidence string

// The grades of confidence. What was not read has none.
const (
	// High: a prefix of four bytes or more and an exact length, a longer prefix,
	// a structure or a checksum that chance does not have, or a known value.
	High Confidence = "high"
	// Medium: a short prefix, or a name beside it that says what it is; and what
	// is only warned of, though its format would do.
	Medium Confidence = "medium"
	// Low: hardly more than that it is random and is called a secret.
	Low Confidence = "low"
)

// confidenceOrder is from the least on.
var confidenceOrder = [...]Confidence{Low, Medium, High}

// Confidence returns the least that a finding of the rule has; "" for one that is
// no credential.
func (r Rule) Confidence() Confidence { return confidences()[r.ID] }

// confidences are those of the rules by ID.
var confidences = sync.OnceValue(func() map[string]Confidence {
	m := make(map[string]Confidence, len(formats)+len(graded))
	for i := range formats {
		f := &formats[i]
		least := len(confidenceOrder) - 1
		for j := range f.forms {
			least = min(least, slices.Index(confidenceOrder[:], f.confidence(&f.forms[j])))
		}
		m[f.ID] = confidenceOrder[least]
	}
	for confidence, ids := range graded {
		for _, id := range ids {
			m[id] = confidence
		}
	}
	return m
})

// graded are the rules of what has a shape or a place instead of a prefix and a
// length.
var graded = map[Confidence][]string{
	High: {
		RuleKnown, RuleCanary, RuleSeedPhrase, RuleIBAN,
		"private-key", "openssh-private-key", "putty-private-key", "xml-private-key", "jwk-private-key",
		"bitcoin-private-key", "bip32-private-key", "azure-client-secret", "azure-storage-key", "aws-session-token",
		"terraform-cloud-token", "fcm-server-key", "discord-bot-token", "twilio-auth-token", "openshift-token",
		"azure-key", "newrelic-license-key", "maxmind-key", "mailgun-private-key", "ngrok-token", "asana-token", "ably-key", "tableau-token",
	},
	Medium: {
		RuleCard, ruleDatabaseURL, ruleBasicAuthURL,
		"jwt", "salesforce-session", "telegram-bot-token", "mailchimp-key", "azure-sas-token", "ethereum-private-key",
		"service-key", "aws-secret-access-key", "basic-auth", "zhipu-key", "facebook-app-token",
	},
	Low: {"bearer-token", "generic-secret", "infobip-key", "ghost-key", "unleash-token"},
}

// minBodyBits is how many bits the shortest body of a form has where its prefix is
// not by chance.
const minBodyBits = 60

// confidence grades a form by what of it is fixed.
func (f *format) confidence(fm *form) Confidence {
	for confidence, ids := range graded {
		if slices.Contains(ids, f.ID) {
			return confidence
		}
	}
	least := 1
	exact := fm.min == fm.max && fm.max > 0
	switch n := len(fm.prefix); {
	case fm.custom || fm.shape != nil || fm.sum != nil:
	case fm.bits() < minBodyBits, n < 4 && !exact && fm.bits() < 3*minBodyBits:
		least = 0
	case n >= 6, n >= 4 && exact:
		least = 2
	}
	if f.Action == Warn {
		least = max(0, min(least, 2)-1)
	}
	return confidenceOrder[least]
}

// bits returns how many bits the shortest body has.
func (f *form) bits() float64 {
	n := 0
	for c := range f.body {
		if f.body.has(byte(c)) {
			n++
		}
	}
	return float64(f.min) * math.Log2(float64(max(n, 1)))
}

// grade is the confidence of a match of the literal.
func (l *literal) grade(text []byte) Confidence {
	switch {
	case l.form == nil && l.kind == KindFormat: // what was looked at
		return confidences()[l.rule]
	case l.weak:
		return Medium
	case l.form != nil && l.form.sum != nil && len(text) > len(l.text) && l.form.sum(text[len(l.text):]):
		return High
	}
	return l.confidence
}

// base62Sum wants the CRC-32 of a body of 30 characters in base62 behind it, as
// tokens of GitHub and npm have it.
func base62Sum(body []byte) bool {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	if len(body) != 36 {
		return false
	}
	sum := crc32.ChecksumIEEE(body[:30])
	for i := len(body) - 1; i >= 30; i-- {
		if body[i] != digits[sum%62] {
			return false
		}
		sum /= 62
	}
	return true
}
