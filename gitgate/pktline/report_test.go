package pktline

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestARefusedPushIsRefusedAsAWhole(t *testing.T) {
	p, _, err := read(packets(zero+" "+one+" refs/heads/a\x00report-status side-band-64k quiet", zero+" "+one+" refs/heads/b", ""))
	if err != nil {
		t.Fatal(err)
	}
	rep := Refuse(p.Commands, func(ref string) string { return map[string]string{"refs/heads/b": "not\nallowed"}[ref] }, "another ref is refused")
	var said strings.Builder
	report := NewReader(NewDemux(NewReader(strings.NewReader(string(p.Answer(rep, "see here\n")))), func(b []byte) { said.Write(b) }))
	got, err := ReadReport(report)
	want := Report{Refs: []RefStatus{{"refs/heads/a", "another ref is refused"}, {"refs/heads/b", "not allowed"}}}
	if err != nil || !reflect.DeepEqual(got, want) || said.String() != "see here\n" {
		t.Errorf("%+v, %q, %v", got, said.String(), err)
	}
}

func TestAnAnswerHasOnlyWhatTheClientCanRead(t *testing.T) {
	rep := Report{Unpack: "too large", Refs: []RefStatus{{"refs/heads/a", "no"}, {Ref: "refs/heads/b"}}}
	const plain = "0015unpack too large\n0017ng refs/heads/a no\n0014ok refs/heads/b\n0000"
	for caps, want := range map[string]string{
		"":                            "",
		"report-status":               plain,
		"report-status-v2":            plain,
		"side-band-64k":               "0007\x02hi0000",
		"report-status side-band-64k": "0007\x02hi0049\x01" + plain + "0000",
	} {
		c, _ := ParseCapabilities(caps)
		if got := string((&Push{Capabilities: c}).Answer(rep, "hi")); got != want {
			t.Errorf("%q: %q, want %q", caps, got, want)
		}
	}
}

func TestAReportIsRead(t *testing.T) {
	got, err := ReadReport(NewReader(strings.NewReader(packets("unpack ok\n", "ok refs/heads/a\n", "option refname refs/heads/c\n", "ng refs/heads/b non-fast-forward\n", "ng refs/heads/d\n", ""))))
	want := Report{Refs: []RefStatus{{Ref: "refs/heads/a"}, {"refs/heads/b", "non-fast-forward"}, {"refs/heads/d", "no reason given"}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = ReadReport(NewReader(strings.NewReader(packets("unpack disk full\n", ""))))
	if err != nil || got.Unpack != "disk full" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWhatIsNoReportIsRefused(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":           "",
		"only a flush":      packets(""),
		"no flush":          packets("unpack ok"),
		"no unpack":         packets("ok refs/heads/a", ""),
		"unpack twice":      packets("unpack ok", "unpack ok", ""),
		"a word of its own": packets("unpack ok", "maybe refs/heads/a", ""),
		"ok of nothing":     packets("unpack ok", "ok", ""),
		"ok with a reason":  packets("unpack ok", "ok refs/heads/a b", ""),
		"an option first":   packets("unpack ok", "option refname a", ""),
	} {
		if got, err := ReadReport(NewReader(strings.NewReader(in))); !errors.Is(err, ErrMalformed) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	var remote *RemoteError
	if _, err := ReadReport(NewReader(strings.NewReader(packets("ERR no room\n")))); !errors.As(err, &remote) || remote.Text != "no room" {
		t.Errorf("an error: %v", err)
	}
}

func TestAReasonIsOneLineThatCanBePrinted(t *testing.T) {
	for in, want := range map[string]string{
		"plain":              "plain",
		" a\r\n\tb \x00\x1b": "a   b",
		"\xff\u202eé\u00a0":  "é",
	} {
		if got := CleanReason(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if got := CleanReason(strings.Repeat("é", 300)); utf8.RuneCountInString(got) != MaxReason || !strings.HasSuffix(got, "é…") {
		t.Errorf("a long one: %q", got)
	}
}
