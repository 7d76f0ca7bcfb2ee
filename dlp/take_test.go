package dlp_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// What is in compressed data has no length in the stream, and is found in a view
// of text all the same.
func TestCompressedInWrappedText(t *testing.T) {
	e := mustEngine(t)
	token := samples[0].text(1)
	in := chain(inStory, gzipped, base64Std, lines(76, "\n"))(token)
	got := e.Scan([]byte(in))
	if len(got) != 1 || got[0].Path != "wrapped>base64>gzip" || got[0].Start != 0 || got[0].End < int64(len(in))-4 {
		t.Errorf("Scan(%q) = %+v", in, got)
	}
}

// A magic that source text names begins no archive; the archive does.
func TestUnknownArchives(t *testing.T) {
	e := mustEngine(t)
	for _, magic := range []string{"7z\xbc\xaf\x27\x1c\x00\x04", "Rar!\x1a\x07\x01\x00", "Salted__"} {
		in := chain(base64Std, lines(76, "\n"))(magic + random(1, "\x80-\xbf", 300))
		if got := strings.Join(ruleLines(e.Scan([]byte(in))), " "); !strings.HasPrefix(got, dlp.RuleUnscanned) {
			t.Errorf("Scan(%.40q) = %q", in, got)
		}
		in = "\t{\"" + octets("\\x%02x", "")(magic) + "\", \"application/x-archive\"}, // as in the list of the standard\n\treturn nil\n}\n"
		if got := e.Scan([]byte(in)); len(got) != 0 {
			t.Errorf("Scan(%q) = %q", in, ruleLines(got))
		}
	}
}

func TestASCII85(t *testing.T) {
	e := mustEngine(t)
	token := samples[0].text(1)
	in := "see " + adobe(inStory(token)) + " there"
	if got := e.Scan([]byte(in)); len(got) != 1 || got[0].Path != "ascii85" || got[0].Length <= len(token) {
		t.Errorf("Scan(%q) = %+v", in, got)
	}
}

// A decoder that takes nothing of what is damaged is not asked again and again.
func TestDamagedBlobEnds(t *testing.T) {
	e := mustEngine(t)
	for _, blob := range []string{"BZh91AY&SY", "BZh9\x17\x72\x45\x38\x50\x90", "\x1f\x8b\x08\x00", "PK\x03\x04", "\x28\xb5\x2f\xfd", "\x78\x9c"} {
		for n := range 60 {
			text := blob + random(uint64(n), "\x00-\x7f", n)
			e.Scan([]byte(text))
			e.Scan([]byte(octets("%02x", "")(text)))
		}
	}
}

// A text at the last depth may be longer than what a scanner keeps.
func TestLongTextAtLastDepth(t *testing.T) {
	e := mustEngine(t)
	token := samples[0].text(1)
	in := chain(gzipped, base64Std, lines(76, "\n"))(strings.Repeat(inStory("none"), 1000) + token + " ")
	if got := e.Scan([]byte(in)); len(got) != 1 || got[0].Rule != samples[0].rule {
		t.Errorf("found %q", ruleLines(got))
	}
}

// The beginning of a zip that a script names is none.
func TestZipMagicInSource(t *testing.T) {
	e := mustEngine(t)
	in := "c.LOCAL_FILE_HEADER=\"PK\x03\x04\",c.CENTRAL_FILE_HEADER=\"PK\x01\x02\""
	if got := e.Scan([]byte(in)); len(got) != 0 {
		t.Errorf("Scan(%q) = %q", in, ruleLines(got))
	}
}

// A token is found where only what stands beside it is encoded.
func TestTokenBesideEncodedText(t *testing.T) {
	e := mustEngine(t)
	gh, pscale := "gh"+"p_"+random(1, alnum, 36), "pscale"+"_tkn_"+random(2, dashed, 43)
	for _, in := range []string{
		"Content-Transfer-Encoding: quoted-printable\n\nsee=3D" + gh + "\n",
		"a =3D" + gh + " b",
		"the last of the words in a line that is as long as it may be, " + pscale[:12] + "=\r\n" + pscale[12:] + "=\r\n]",
		"deploy-2\n" + chain(inStory, gzipped, base64Std, lines(76, "\n"))(gh),
		chain(base64Std, lines(20, "\n"))("token "+gh+" 2026-01-02") + ", and more",
		adobe(`C:\new `+gh) + " ",
	} {
		if got := ruleLines(e.Scan([]byte(in))); len(got) != 1 {
			t.Errorf("Scan(%q) = %q", in, got)
		}
	}
}

// A decoder keeps a part of compressed data to itself: that is held until it came
// out, and so is what may be the beginning of such data.
func TestCompressedDataIsHeld(t *testing.T) {
	e := mustEngine(t)
	token := samples[0].text(1)
	for _, enc := range encoders {
		if enc.coding != "" || !enc.binary || strings.HasPrefix(enc.name, "UTF") {
			continue
		}
		sc := e.NewScanner()
		in := "see " + enc.encode(token)
		for i := range len(in) {
			found := sc.Write([]byte(in[i : i+1]))
			if len(found) > 0 {
				break
			}
			if out := sc.Safe() - 4; out > 6 {
				t.Errorf("%s: %d bytes of %d are out", enc.name, out, len(in)-4)
				break
			}
		}
	}
}

// What has no fixed beginning is found in chunks of any size, and held from its
// start on.
func TestStructuralInChunks(t *testing.T) {
	e := mustEngine(t)
	for _, rule := range slices.Sorted(maps.Keys(structural)) {
		for seed := range uint64(2) {
			in := []byte("some text \x18" + structural[rule](seed) + "\n and more of it")
			want := scanWhole(e, in)
			for size := 1; size < 20; size++ {
				if got := scanChunks(t, e.NewScanner(), in, func() int { return size }); !slices.Equal(got, want) {
					t.Errorf("%s in chunks of %d: %v, want %v", rule, size, ruleLines(got), ruleLines(want))
				}
			}
		}
	}
}
