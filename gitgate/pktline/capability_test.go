package pktline

import (
	"errors"
	"testing"
)

func TestAServerOffersWhatTheGateUnderstands(t *testing.T) {
	all := one + " refs/heads/main\x00report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta push-options push-cert=nonce object-format=sha1 agent=git/2.39.5 session-id=x later"
	kept := "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1"
	for name, c := range map[string]struct {
		first   string
		options bool
		want    string
	}{
		"all":                       {all + "\n", false, one + " refs/heads/main\x00" + kept + " no-thin\n"},
		"with push options":         {all, true, one + " refs/heads/main\x00" + kept + " push-options no-thin\n"},
		"options that nobody takes": {one + " refs/heads/a\x00quiet", true, one + " refs/heads/a\x00quiet no-thin\n"},
		"an empty repository":       {zero + " capabilities^{}\x00\n", false, zero + " capabilities^{}\x00no-thin\n"},
		"one name twice":            {one + " refs/heads/a\x00object-format=sha1 quiet object-format=sha256 quiet", false, one + " refs/heads/a\x00object-format=sha1 quiet no-thin\n"},
		"names with a text":         {one + " refs/heads/a\x00quiet=text ofs-delta=text atomic", false, one + " refs/heads/a\x00atomic no-thin\n"},
		"one that says no-thin":     {zero + " capabilities^{}\x00no-thin quiet\n", false, zero + " capabilities^{}\x00quiet no-thin\n"},
	} {
		got, err := OfferPush([]byte(c.first), c.options)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, first := range map[string]string{"no capabilities": one + " refs/heads/main\n", "a format of its own": one + " a\x00object-format=md5", "version 1": "version 1\n"} {
		if got, err := OfferPush([]byte(first), false); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestACapabilityHasItsWholeName(t *testing.T) {
	c, err := ParseCapabilities(" side-band-64k agent=git/1=2  atomic")
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := c.Value("agent"); v != "git/1=2" || !ok {
		t.Errorf("agent: %q, %v", v, ok)
	}
	if c.Has("side-band") || !c.Has("side-band-64k") || c.Has("") || !c.Has("atomic") {
		t.Errorf("%q", c)
	}
}
