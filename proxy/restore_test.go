package proxy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/replace"
)

// A document has as many paths as levels, and as strings: what an upstream chooses to
// nest must not become memory of the square of its length.
func TestPathsStayShort(t *testing.T) {
	const levels = 2000
	key := strings.Repeat("k", 100)
	for name, doc := range map[string]string{
		"objects": strings.Repeat(`{"`+key+`":`, levels) + `{"signature":"x"}` + strings.Repeat("}", levels),
		"arrays":  strings.Repeat("[", levels) + `{"signature":"x"}` + strings.Repeat("]", levels),
		"one key": `{"` + strings.Repeat(key, 100) + `":[` + strings.Repeat(`"",`, levels) + `{"signature":"x"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			last := ""
			jsonStrings([]byte(doc), func(path string, raw []byte) []byte {
				if last = path; len(path) > 2*maxPath {
					t.Fatalf("a path has %d bytes", len(path))
				}
				return raw
			})
			if !strings.HasSuffix(last, ".signature") {
				t.Errorf("the last string stands at %q", last)
			}
		})
	}
}

// What a string is does not take a look at each choice.
func TestTextOfManyChoices(t *testing.T) {
	var e event
	e.Choices = append(e.Choices, make([]struct {
		Index  int     `json:"index"`
		Finish *string `json:"finish_reason"`
		Delta  struct {
			ToolCalls []struct {
				Index int `json:"index"`
			} `json:"tool_calls"`
		} `json:"delta"`
	}, 10000)...)
	e.Choices[9999].Index = 7
	for path, want := range map[string]string{
		"choices[9999].delta.content":    "choice 7 content",
		"choices[10000].delta.content":   "",
		"choices[-1].delta.content":      "",
		"choices[0].message.content":     "",
		"choices[0].delta.tool_calls[0]": "",
	} {
		if got := e.text(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if n := testing.AllocsPerRun(10, func() { e.text("object") }); n > 0 {
		t.Errorf("%v allocations for a string that is no delta", n)
	}
}

// A long document is not kept: what its text had held back leaves with it, in order.
func TestLongDocumentsAreNotKept(t *testing.T) {
	marker := dlp.MarkerPrefix("rule") + "0123]"
	table, err := replace.New([]replace.Pair{{From: marker, To: "text"}})
	if err != nil {
		t.Fatal(err)
	}
	r := newRestorer(&markerTables{plain: table, quoted: table})
	delta := func(text, more string) string {
		_, out := r.document(fmt.Appendf(nil, `{"type":"content_block_delta","delta":{"text":%q},"more":%q}`, text, more))
		return string(out)
	}
	if got := delta("a "+marker[:4], ""); !strings.Contains(got, `"a "`) {
		t.Errorf("nothing was held back: %s", got)
	}
	long := strings.Repeat("m", maxTemplate)
	if got := delta("and "+marker+" "+marker[:4], long); !strings.Contains(got, fmt.Sprintf("%q", marker[:4]+"and text "+marker[:4])) {
		t.Errorf("got %.200s", got)
	}
	if n := len(r.texts["block 0"].last); n > maxTemplate {
		t.Errorf("%d bytes are kept", n)
	}
	if rest := r.close(); len(rest) != 0 || r.count != 1 {
		t.Errorf("the end brought %q, %d were replaced", rest, r.count)
	}
}

// A text can be six times as long inside of the quotes of JSON.
func TestMarkedTextsAreBoundedInBothForms(t *testing.T) {
	m := &markers{room: &tableRoom{}}
	for i := range 16 {
		m.keep(fmt.Sprintf("%s%04d]", dlp.MarkerPrefix("rule"), i), []byte(strings.Repeat("\x01", maxMarked/16)))
	}
	held := 0
	for _, text := range m.texts {
		held += len(text.plain) + len(text.quoted)
	}
	if held > maxMarked || len(m.texts) == 0 {
		t.Errorf("%d texts have %d bytes, of at most %d", len(m.texts), held, maxMarked)
	}
}
