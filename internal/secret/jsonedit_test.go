package secret

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestEditJSON(t *testing.T) {
	for _, tt := range []struct{ name, doc, want string }{
		{"in place", "{ \"b\" : {\n\t\"a\" : \"x\" , \"z\":1e3 } }\n", "{ \"b\" : {\n\t\"a\" : \"<new>\" , \"z\":1e3 } }\n"},
		{"a key that is missing", `{"b":{"z":1}}`, `{"b":{"a":"<new>","z":1}}`},
		{"an object that is missing", `{"c":1}`, `{"b":{"a":"<new>"},"c":1}`},
		{"an empty document", `{}`, `{"b":{"a":"<new>"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := editJSON([]byte(tt.doc), []edit{{[]string{"b", "a"}, "<new>"}})
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
	for _, doc := range []string{"", "[]", `{"b":1}`, `{"b`} {
		if got, err := editJSON([]byte(doc), []edit{{[]string{"b", "a"}, 1}}); err == nil {
			t.Errorf("%s became %s", doc, got)
		}
	}
}

// FuzzEditJSON edits what is an object, and keeps it one with everything else in it.
func FuzzEditJSON(f *testing.F) {
	for _, doc := range []string{`{}`, `{"tokens":{"access_token":"x"}}`, `{"tokens":null}`, "{\n\"a\":[1,{}]}", `{"tokens":{},"tokens":{}}`} {
		f.Add(doc, "value")
	}
	f.Fuzz(func(t *testing.T, doc, value string) {
		out, err := editJSON([]byte(doc), []edit{{[]string{"tokens", "access_token"}, value}})
		if err != nil || !json.Valid([]byte(doc)) || strings.Count(doc, `"`) > 40 {
			return
		}
		var was, is map[string]any
		if json.Unmarshal([]byte(doc), &was) != nil || json.Unmarshal(out, &is) != nil {
			t.Fatalf("%s became %s", doc, out)
		}
		delete(was, "tokens")
		delete(is, "tokens")
		a, _ := json.Marshal(was)
		b, _ := json.Marshal(is)
		if string(a) != string(b) {
			t.Errorf("%s became %s", doc, out)
		}
	})
}
