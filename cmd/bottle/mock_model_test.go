package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// turn is what the mock model says once: a text, or a call of a tool.
type turn struct {
	Text  string         `json:"text"`
	Tool  string         `json:"tool"`
	Input map[string]any `json:"input"`
	// Ends is how many conversations come to this turn before any is answered; the
	// token that was accepted so far ends then.
	Ends int `json:"ends"`

	number int // of the results before it
}

// script is what a mock model says, turn by turn; how many results of tools it has
// been sent says where it is. In a script's folder it is the file model.json.
type script []turn

func readScript(path string) script {
	b, err := os.ReadFile(path)
	if err != nil {
		return script{{Text: "hello from the mock"}}
	}
	var s script
	if err := json.Unmarshal(b, &s); err != nil {
		return script{{Text: "the script of the mock model: " + err.Error()}}
	}
	return s
}

// at is the turn after so many results. A text has what the model has been sent of the
// last result in the place of @SEEN, so that a test can have it repeated: without the
// numbers of its lines as @LINES, as a text in quotes as @QUOTED, and as added lines of a
// patch in quotes as @ADDED.
func (s script) at(results int, last string) turn {
	t := s[min(results, len(s)-1)]
	t.number = results
	lines := lineNumbers.ReplaceAllString(last, "")
	inQuotes := func(text string) string {
		b, err := json.Marshal(text)
		if err != nil { // a string always marshals
			panic(err)
		}
		return string(b[1 : len(b)-1])
	}
	seen := strings.NewReplacer("@SEEN", last, "@LINES", lines, "@QUOTED", inQuotes(last),
		"@ADDED", inQuotes("+"+strings.ReplaceAll(last, "\n", "\n+")))
	t.Text = seen.Replace(t.Text)
	input := map[string]any{}
	for k, v := range t.Input {
		if text, ok := v.(string); ok {
			v = seen.Replace(text)
		}
		input[k] = v
	}
	t.Input = input
	return t
}

// lineNumbers are those that a client shows a file with.
var lineNumbers = regexp.MustCompile(`(?m)^ *[0-9]+[\t→]`)

// gather waits for so many conversations, and ends the token then: once in a script.
func (u *upstream) gather(n int) {
	if n == 0 {
		return
	}
	u.mu.Lock()
	u.gathered++
	last := u.gathered == n
	u.mu.Unlock()
	if last {
		if err := os.WriteFile(filepath.Join(u.dir, "accept"), []byte("a token that nobody has"), 0o600); err != nil {
			panic(err)
		}
		close(u.all)
	}
	<-u.all
}

// pieces cuts a text as a model sends it: small, and not at the borders of words.
func pieces(text string) (list []string) {
	for len(text) > 7 {
		list, text = append(list, text[:7]), text[7:]
	}
	return append(list, text)
}
