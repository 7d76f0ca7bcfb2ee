package escape_test

import (
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/escape"
)

func TestText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty text stays empty", "", ""},
		{"plain ASCII is itself", `GET /v1/messages?beta=true "quoted" <b>`, `GET /v1/messages?beta=true "quoted" <b>`},
		{"letters of other scripts are themselves", "Grüße, мир, 世界, ไทย, हिन्दी", "Grüße, мир, 世界, ไทย, हिन्दी"},
		{"a clear screen does not clear it", "\x1b[2J\x1b[H", `\x1b[2J\x1b[H`},
		{"an OSC 8 link names no other target", "\x1b]8;;https://evil.example\x1b\\good.example\x1b]8;;\x1b\\", `\x1b]8;;https://evil.example\x1b\\good.example\x1b]8;;\x1b\\`},
		{"an OSC 52 does not reach the clipboard", "\x1b]52;c;cm0gLXJmIC8=\x07", `\x1b]52;c;cm0gLXJmIC8=\x07`},
		{"a C1 control sequence introducer is one too", "\u009b2J", `\u009b2J`},
		{"a C1 byte that is not UTF-8 is told apart", "\x9b2J", `\x9b2J`},
		{"a fake entry stays in its line", "/x\n12:00:00 allow GET good.example /", `/x\n12:00:00 allow GET good.example /`},
		{"a carriage return does not overwrite the line", "/evil\rallow", `/evil\rallow`},
		{"line and paragraph separators end no line", "a\u2028b\u2029c\u0085d\vd\f", `a\u2028b\u2029c\u0085d\x0bd\x0c`},
		{"backspaces erase nothing", "deny\b\b\b\ballow\x7f", `deny\x08\x08\x08\x08allow\x7f`},
		{"a right-to-left override turns nothing around", "\u202egpj.exe", `\u202egpj.exe`},
		{"bidi isolates and marks are shown", "\u2066a\u2069\u200e\u200f\u061c", `\u2066a\u2069\u200e\u200f\u061c`},
		{"right-to-left letters cannot move the digits beside them", "/א/1 200", `/\u05d0/1 200`},
		{"Arabic digits cannot either", "\u0661\u0662 3", `\u0661\u0662 3`},
		{"zero-width characters are seen", "pay\u200bpal\u200c\u200d\u2060\ufeff", `pay\u200bpal\u200c\u200d\u2060\ufeff`},
		{"fillers and blanks are seen", "\u3164\u115f\uffa0\u2800\u00ad\u034f", `\u3164\u115f\uffa0\u2800\u00ad\u034f`},
		{"wide and odd spaces are seen", "a\u00a0b\u3000c\u2003d", `a\u00a0b\u3000c\u2003d`},
		{"tag characters carry no hidden text", "hi\U000e0068\U000e0069\U000e007f", `hi\U000e0068\U000e0069\U000e007f`},
		{"variation selectors carry none", "a\ufe0f\U000e0100", `a\ufe0f\U000e0100`},
		{"private use and what is unassigned are not drawn", "\ue000\U0010ffff\u0378", `\ue000\U0010ffff\u0378`},
		{"bytes that are not UTF-8 are told by value", "a\xff\xc3(\xed\xa0\x80", `a\xff\xc3(\xed\xa0\x80`},
		{"a replacement character is only what it is", "\ufffd", "\ufffd"},
		{"a literal escape is not one of ours", `\x1b[2J`, `\\x1b[2J`},
		{"a lookalike of a backslash begins no escape", "＼x1b ∖n ⧵n ⧹n ﹨n", `\uff3cx1b \u2216n \u29f5n \u29f9n \ufe68n`},
		{"accents stay on their letters", "e\u0301 a\u0302\u0301", "e\u0301 a\u0302\u0301"},
		{"a flood of marks is cut off", "e" + strings.Repeat("\u0301", 6), "e" + strings.Repeat("\u0301", 4) + `\u0301\u0301`},
		{"a mark at the start does not join what stands before", "\u0301a", `\u0301a`},
		{"a mark joins no escape", "\x1b\u0301", `\x1b\u0301`},
		{"a mark joins no punctuation", `"` + "\u0338", `"\u0338`},
		{"Korean in parts is read", "\u1112\u1161\u11ab", "\u1112\u1161\u11ab"},
		{"a Korean final alone joins nothing", "|\u11ab", `|\u11ab`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := escape.Text(tt.in); got != tt.want {
				t.Errorf("Text(%q)\n got %s\nwant %s", tt.in, got, tt.want)
			}
		})
	}
}

func TestWord(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"a word is itself", "/v1/messages", "/v1/messages"},
		{"a space ends no field", "/x  allow", `/x\x20\x20allow`},
		{"neither does a tab", "/x\tallow", `/x\tallow`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := escape.Word(tt.in); got != tt.want {
				t.Errorf("Word(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

func TestTextMax(t *testing.T) {
	long := strings.Repeat("a", 1000)
	tests := []struct {
		name    string
		in      string
		columns int
		want    string
	}{
		{"what fits is whole", "abc", 3, "abc"},
		{"no limit is no limit", long, 0, long},
		{"a cut says how much is gone", long, 30, strings.Repeat("a", 16) + `\…(+984 bytes)`},
		{"no room leaves the mark alone", long, 5, `\…(+1000 bytes)`},
		{"escapes are not taken apart", strings.Repeat("\x1b", 10), 26, `\x1b\x1b\x1b\…(+7 bytes)`},
		{"wide characters count twice", strings.Repeat("世", 20), 23, strings.Repeat("世", 5) + `\…(+45 bytes)`},
		{"marks stay with their letter", strings.Repeat("e\u0301", 20), 17, strings.Repeat("e\u0301", 4) + `\…(+48 bytes)`},
		{"a mark of ours in the text is not one", `\…(+9 bytes)`, 40, `\\…(+9 bytes)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := escape.TextMax(tt.in, tt.columns)
			if got != tt.want {
				t.Errorf("TextMax(%q, %d)\n got %s\nwant %s", tt.in, tt.columns, got, tt.want)
			}
		})
	}
}

func TestHost(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"a plain name is itself", "api.example.com", "api.example.com"},
		{"so are addresses and patterns", "[2001:db8::1]", "[2001:db8::1]"},
		{"so is a wildcard", "*.example.com", "*.example.com"},
		{"punycode is shown beside what it means", "xn--bcher-kva.example", "xn--bcher-kva.example (bücher.example)"},
		{"so is a name that was not encoded", "bücher.example", "xn--bcher-kva.example (bücher.example)"},
		{"upper case hides no punycode", "XN--BCHER-KVA.example", "XN--BCHER-KVA.example (bücher.example)"},
		{"Japanese writes three scripts", "xn--eckwd4c7cu47r2wf.jp", "xn--eckwd4c7cu47r2wf.jp (ドメイン名例.jp)"},
		{"a label that mixes scripts shows which letters", "xn--pple-43d.com", `xn--pple-43d.com (\u0430pple.com)`},
		{"also when it was not encoded", "аpple.com", `xn--pple-43d.com (\u0430pple.com)`},
		{"a whole-script homograph stands behind its punycode", "xn--80ak6aa92e.com", "xn--80ak6aa92e.com (аррӏе.com)"},
		{"a right-to-left override is shown", "moc\u202e.example", `xn--moc-7q0a.example (moc\u202e.example)`},
		{"a right-to-left name keeps its labels in order", "xn--4dbrk0ce.example", `xn--4dbrk0ce.example (\u05d9\u05e9\u05e8\u05d0\u05dc.example)`},
		{"a zero-width joiner is shown", "a\u200db.example", `xn--ab-m1t.example (a\u200db.example)`},
		{"a lookalike slash is shown", "good.example\u2215.evil.example", `good.xn--example-if0d.evil.example (good.example\u2215.evil.example)`},
		{"a fullwidth dot is no dot", "good．example", `xn--goodexample-0m25d (good\uff0eexample)`},
		{"a space cannot fake the second form", "xn--bcher-kva.example (good.example)", `xn--bcher-kva.example\x20\x28good.example\x29`},
		{"control characters are shown", "evil\x1b[2J\n.example", `evil\x1b[2J\n.example`},
		{"broken punycode stands as it is", "xn--\u00ff.example", `xn--\u00ff.example`},
		{"one broken label hides no lookalike in another", "xn--\u00ff.аpple.com", `xn--\u00ff.\u0430pple.com`},
		{"punycode of ASCII means nothing", "xn--paypal-.com", "xn--paypal-.com"},
		{"what is not UTF-8 is told by value", "\xff.example", `\xff.example`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := escape.Host(tt.in); got != tt.want {
				t.Errorf("Host(%q)\n got %s\nwant %s", tt.in, got, tt.want)
			}
		})
	}
}

func TestHostMax(t *testing.T) {
	tests := []struct {
		name, in string
		columns  int
		want     string
	}{
		{"both forms where they fit", "xn--bcher-kva.example", 40, "xn--bcher-kva.example (bücher.example)"},
		{"the name that is looked up where only one does", "xn--bcher-kva.example", 25, "xn--bcher-kva.example"},
		{"a cut where none does", strings.Repeat("a.", 40), 20, `a.a.a.a\…(+73 bytes)`},
		{"what is too long for a name is not decoded", "ü" + strings.Repeat("a", 300), 0, `\u00fc` + strings.Repeat("a", 300)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := escape.HostMax(tt.in, tt.columns); got != tt.want {
				t.Errorf("HostMax(%q, %d)\n got %s\nwant %s", tt.in, tt.columns, got, tt.want)
			}
		})
	}
}

func TestPlainTextIsNotCopied(t *testing.T) {
	in := "GET https://api.example.com/v1/messages"
	if n := testing.AllocsPerRun(100, func() { _ = escape.Text(in) }); n != 0 {
		t.Errorf("plain text takes %v allocations, want none", n)
	}
}

func BenchmarkText(b *testing.B) {
	for _, bb := range []struct{ name, in string }{
		{"plain", strings.Repeat("GET /v1/messages ", 16)},
		{"mixed", strings.Repeat("GET /\x1b[2Jé世\u202e ", 16)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.in)))
			b.ReportAllocs()
			for b.Loop() {
				_ = escape.Text(bb.in)
			}
		})
	}
}
