package dlp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// TestJoinedAnywhere: a value in the middle of code is found wherever a line break, or
// the end of a string, parts it into two of which neither is the start of a word.
func TestJoinedAnywhere(t *testing.T) {
	known := random(77, alnum, 24)
	e := mustEngine(t, dlp.Known{Name: "k", Value: known})
	values := []string{known}
	for _, p := range hidden[:8] {
		values = append(values, p.text(3))
	}
	const before, behind = "func f() {\n\tvalueOfSomething := here\n\tanotherLineOfCode := 12\n\tx = ", "\n\treturn theOtherThing\n}\n\nfunc someOtherFunction() {\n\tcontinue\n}\n"
	for _, parts := range [][2]string{{"\n", ""}, {"\n\t", ""}, {"\\n", ""}, {"\" + \"", "\""}, {"\\\" + \\\"", "\\\""}} {
		for _, v := range values {
			// A part of four letters and less may be a word.
			for i := 8; i <= len(v)-8; i++ {
				if isWordLike(v[:i]) || isWordLike(v[i:]) {
					continue
				}
				text := before + parts[1] + v[:i] + parts[0] + v[i:] + parts[1] + behind
				if len(e.Scan([]byte(text))) == 0 {
					t.Errorf("nothing found in %d bytes parted by %q at %d, behind %q", len(v), parts[0], i, v[:4])
				}
			}
		}
	}
}

// TestJoinedInMany: a value is found, too, that is parted where neither of two parts
// that are joined first, nor the last two, say what they are of.
func TestJoinedInMany(t *testing.T) {
	e := mustEngine(t)
	values := [][]string{
		{"AB", "IA", "Y", "ZVD", "KCU", "J2W2ZHB5R"},
		{"AKIAYZVD", "KCUJ2W", "2ZHB5R"},
		{"sat", ".4", "5VjqiUpaWaZnhdxWJmRDV.6ad4524eae9ad37d6c9774b3.xEvvmaPtThzyqujon2cP"},
		{"sat.45VjqiUpaWaZnhdxWJmRDV.6ad4524eae9ad37d6c9774b3.xEvvmaP", "tThzyqujon2cP"},
		{"sat.45VjqiUpaWaZnhdxWJmRDV.6ad4524eae9ad37d6c9774b3.x", "Ev", "vmaPtThzyqujon2cP"},
	}
	const before, behind = "func f() {\n\tvalueOfSomething := here\n\tanotherLineOfCode := 12\n\tx = ", "\n\treturn theOtherThing\n}\n\nfunc someOtherFunction() {\n\tcontinue\n}\n"
	for _, with := range [][2]string{{"\" + \"", "\""}, {"\"\n  \"", "\""}, {"' . '", "'"}} {
		for _, parts := range values {
			text := before + with[1] + strings.Join(parts, with[0]) + with[1] + behind
			if len(e.Scan([]byte(text))) == 0 {
				t.Errorf("nothing found in %d parts joined by %q, the first %q", len(parts), with[0], parts[0])
			}
		}
	}
	if len(e.Scan([]byte(before+strings.Join(values[3], "\n\t")+behind))) == 0 {
		t.Error("nothing found in two lines")
	}
}

// isWordLike reports whether a part of a value may be that of a name.
func isWordLike(part string) bool { return !strings.ContainsAny(part, "0123456789_") }

// TestJoinedPieces: pieces of a known value are counted that lines part so that too
// little of them is left on both sides.
func TestJoinedPieces(t *testing.T) {
	value := random(78, alnum, 40)
	e, err := dlp.New(dlp.Options{Known: []dlp.Known{{Name: "k", Value: value}}, Sessions: true})
	if err != nil {
		t.Fatal(err)
	}
	session := dlp.NewSession(e)
	found := 0
	for i := 0; i+13 <= len(value); i += 9 {
		sc := e.NewScanner()
		sc.Attach(session)
		part := value[i : i+13]
		text := fmt.Sprintf("func f() {\n\tvalueOfSomething := here\n\tanotherLineOfCode := nameOf%s\n\t%sOther\n\treturn theOtherThing\n}\n", part[:7], part[7:])
		found += len(sc.Write([]byte(text))) + len(sc.Close())
	}
	if found == 0 {
		t.Error("no piece was counted")
	}
}

// What stands around the place where a token is cut does not hide that it goes on.
func TestJoinedBesideEscapes(t *testing.T) {
	e := mustEngine(t)
	for rule, texts := range map[string][]string{
		"sendgrid-key": {"rd word word word word word word word word \\nSG" + ".fVzZqpdivF1VBC``eR7qabms.X0uIPtbLmikUwqYqzYaidcpQzysJLQ121RYYh\\nword ",
			"AekPMEKIQKh_Bnjk-piUq4TccflpHzrqvA5\"}token=\\tSG" + ".r337\nlHBxk8Y9slvJoRbx.WhMdTg2F_W7qng9pPZZCN2apz5aVn8-NIyx8uok"},
		"doppler-token": {"                         https://user:dp.st" + ".prd.yJF\nfkG96C\n408kWdrBtfFwp6vL0B8Nj5t8IAN"},
	} {
		for _, text := range texts {
			if got := e.Scan([]byte(text)); !slices.ContainsFunc(got, func(f dlp.Finding) bool { return f.Rule == rule }) {
				t.Errorf("Scan(%q) = %v, want %s", text, got, rule)
			}
		}
	}
}
