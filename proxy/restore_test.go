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
	r := newRestorer(&markerTables{plain: table, code: table}, roomForAll, noRoomUsed)
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

func roomForAll() bool { return true }
func noRoomUsed()      {}

// What texts under way are kept in is given back when they end, and where there is none
// of it nothing is held back.
func TestTextsTakeRoom(t *testing.T) {
	marker := dlp.MarkerPrefix("rule") + "0123]"
	table, err := replace.New([]replace.Pair{{From: marker, To: "text"}})
	if err != nil {
		t.Fatal(err)
	}
	taken, most := 0, 2
	r := newRestorer(&markerTables{plain: table, code: table}, func() bool {
		if taken == most {
			return false
		}
		taken++
		return true
	}, func() { taken-- })
	delta := func(block int, text string) string {
		_, out := r.document(fmt.Appendf(nil, `{"type":"content_block_delta","index":%d,"delta":{"text":%q}}`, block, text))
		return string(out)
	}
	for block := range 3 {
		for range 2 {
			delta(block, "words ")
		}
	}
	if taken != most {
		t.Errorf("three texts have taken the room of %d", taken)
	}
	if got := delta(2, "a "+marker[:4]); !strings.Contains(got, fmt.Sprintf("%q", "a "+marker[:4])) {
		t.Errorf("without room something was held back: %s", got)
	}
	r.document([]byte(`{"type":"content_block_stop","index":0}`))
	if taken != 1 {
		t.Errorf("when one has ended, the room of %d is taken", taken)
	}
	if got := delta(2, "a "+marker[:4]); !strings.Contains(got, `"a "`) {
		t.Errorf("with room nothing was held back: %s", got)
	}
	if r.close(); taken != 0 {
		t.Errorf("at the end, the room of %d is taken", taken)
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
		held += len(text.plain) + len(text.code)
	}
	if held > maxMarked || len(m.texts) == 0 {
		t.Errorf("%d texts have %d bytes, of at most %d", len(m.texts), held, maxMarked)
	}
}
