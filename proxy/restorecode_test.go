package proxy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/replace"
)

// testMarker stands for a text of two lines with what ends strings in it.
var testMarker = dlp.MarkerPrefix("rule") + "ABCDEFGHIJKL"

const testMarked = "one'\"`\\$\ntwo"

func codeRestorer(t *testing.T) func() *restorer {
	t.Helper()
	tables := &markerTables{}
	var err error
	if tables.plain, err = replace.New([]replace.Pair{{From: testMarker, To: testMarked}}); err == nil {
		tables.code, err = replace.New([]replace.Pair{{From: testMarker, To: coded(testMarked)}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() *restorer { return newRestorer(tables, roomForAll, noRoomUsed) }
}

// TestTextsAreRestoredInCode has the text stand in each place that an agent writes it to,
// whole and cut at each byte.
func TestTextsAreRestoredInCode(t *testing.T) {
	const inQuotes, inTemplate, plain = `one'\"` + "`" + `\\$\ntwo`, "one'\"\\`\\\\\\$\ntwo", testMarked
	for _, tt := range []struct{ name, tool, code, want string }{
		{"double quotes", "exec", `f("a\n@b")`, `f("a\n` + inQuotes + `b")`},
		{"single quotes", "exec", `f('a @', "x")`, `f('a one\'\"` + "`" + `\\$\ntwo', "x")`},
		{"a template", "exec", "f(`a @`)", "f(`a " + inTemplate + "`)"},
		{"a raw template", "exec", "f(String.raw`a \\ @`)", "f(String.raw`a \\ " + plain + "`)"},
		{"an expression in a template", "exec", "f(`${g({a: '@'})}@`)", "f(`${g({a: 'one\\'\\\"`\\\\$\\ntwo'})}" + inTemplate + "`)"},
		{"behind a comment", "exec", "// don't\n/* don't */ f(\"@\")", "// don't\n/* don't */ f(\"" + inQuotes + `")`},
		{"behind an escaped quote", "exec", `f("\"@")`, `f("\"` + inQuotes + `")`},
		{"behind a quote that ends with its line", "exec", "/'/\nf(\"@\")", "/'/\nf(\"" + inQuotes + `")`},
		{"a patch in a string", "exec", `patch("*** Begin Patch\n*** Add File: x\n+@\n*** End Patch")`, `patch("*** Begin Patch\n*** Add File: x\n+one'\"` + "`" + `\\$\n+two\n*** End Patch")`},
		{"a patch in a template", "exec", "patch(`*** Begin Patch\n-@\n+@`)", "patch(`*** Begin Patch\n-one'\"\\`\\\\\\$\n-two\n+one'\"\\`\\\\\\$\n+two`)"},
		{"a sign that is none of a patch", "exec", `f("+@")`, `f("+` + inQuotes + `")`},
		{"a patch", "apply_patch", "*** Begin Patch\n*** Add File: x\n+@\n ctx\n*** End Patch", "*** Begin Patch\n*** Add File: x\n+one'\"`\\$\n+two\n ctx\n*** End Patch"},
		{"a patch behind a shell", "exec", "sh(`patch <<'EOF'\n*** Begin Patch\n+@\n*** End Patch\nEOF\n+@`)", "sh(`patch <<'EOF'\n*** Begin Patch\n+one'\"\\`\\\\\\$\n+two\n*** End Patch\nEOF\n+" + inTemplate + "`)"},
		{"another tool", "sql", `select "@"`, `select "` + plain + `"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code := strings.ReplaceAll(tt.code, "@", testMarker)
			for cut := range len(code) {
				r := codeRestorer(t)()
				send := func(doc obj) (text string) {
					before, out := r.document(mustJSON(doc))
					for _, d := range append(before, out) {
						var e struct {
							Type, Delta, Input string
							Item               struct{ Input string }
						}
						if err := json.Unmarshal(d, &e); err != nil {
							t.Fatal(err)
						}
						text += e.Delta + e.Input + e.Item.Input
					}
					return text
				}
				item := obj{"id": "i", "type": customCall, "name": tt.tool, "input": ""}
				send(obj{"type": "response.output_item.added", "item": item})
				got := ""
				for _, p := range []string{code[:cut], code[cut:]} {
					got += send(obj{"type": "response.custom_tool_call_input.delta", "item_id": "i", "delta": p})
				}
				if got != tt.want {
					t.Fatalf("cut at %d:\n%s\nwant\n%s", cut, got, tt.want)
				}
				item["input"] = code
				if whole := send(obj{"type": "response.output_item.done", "item": item}); whole != tt.want {
					t.Fatalf("the item has\n%s\nwant\n%s", whole, tt.want)
				}
				if whole := send(obj{"type": "response.custom_tool_call_input.done", "item_id": "i", "input": code}); whole != tt.want {
					t.Fatalf("the end has\n%s\nwant\n%s", whole, tt.want)
				}
			}
		})
	}
}

// FuzzCoder: what is followed comes out as it is, wherever it is cut.
func FuzzCoder(f *testing.F) {
	for _, s := range []string{"f(`${a}`)", `{"a":"\""}`, "*** Begin Patch\n+a", "'\n//x\n/* ** */`${`${{}}`}`}}"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, code string, cut int) {
		if strings.IndexByte(code, inserted) >= 0 {
			return
		}
		c := &coder{}
		cut = max(0, min(cut, len(code)))
		if out := c.write(c.write(nil, []byte(code[:cut])), []byte(code[cut:])); string(out) != code {
			t.Errorf("%q became %q", code, out)
		}
		if len(c.open) > maxOpen || len(c.before) > len(rawTag) || len(c.line) > len(patchBegins)+1 {
			t.Errorf("it keeps %d, %d, %d", len(c.open), len(c.before), len(c.line))
		}
	})
}

// TestKeysAreTheSameHoweverShown: a key that a program has shown with something in front
// of each line is the key.
func TestKeysAreTheSameHoweverShown(t *testing.T) {
	lines := strings.Split(fakePEM, "\n")
	shown := func(front func(i int) string) string {
		out := ""
		for i, l := range lines {
			out += front(i) + l + "\n"
		}
		return out
	}
	up := &upstreamLog{}
	r := modelRig(t, up)
	markerOf := func(t *testing.T, text string) string {
		got := sent(t, r, up, message(text))
		i := strings.Index(got, dlp.MarkerPrefix(""))
		if i < 0 {
			t.Fatalf("no marker in %s", got)
		}
		end := strings.IndexAny(got[i:], `\" `)
		return got[i : i+end]
	}
	want := markerOf(t, fakePEM+"\n")
	for name, front := range map[string]func(int) string{
		"numbers with arrows": func(i int) string { return fmt.Sprintf("%6d→", i+8) },
		"numbers with tabs":   func(i int) string { return fmt.Sprintf("%6d\t", i+8) },
		"numbers of grep":     func(i int) string { return fmt.Sprintf("%d-", i+8) },
		"added lines":         func(int) string { return "+" },
		"removed lines":       func(int) string { return "-" },
	} {
		t.Run(name, func(t *testing.T) {
			if got := markerOf(t, shown(front)); got != want {
				t.Errorf("the marker is %s, not %s", got, want)
			}
			for _, m := range r.server.markers {
				if text := m.texts[want].plain; text != fakePEM {
					t.Errorf("it is given back as %q", text)
				}
			}
		})
	}
	for name, text := range map[string]string{
		"another key":        strings.Replace(fakePEM, "KEY-----\n", "KEY-----\nQ", 1),
		"an indentation":     shown(func(int) string { return "  " }),
		"numbers with a gap": shown(func(i int) string { return fmt.Sprintf("%d→", i*i) }),
	} {
		if got := markerOf(t, text); got == want {
			t.Errorf("%s has the marker of the key", name)
		}
	}
}
