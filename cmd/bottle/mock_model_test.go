package main

import (
	"encoding/json"
	"os"
	"path/filepath"
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

// at is the turn after so many results. A text with @SEEN has in its place what the
// model has been sent of the last result, so that a test can have it repeated.
func (s script) at(results int, last string) turn {
	t := s[min(results, len(s)-1)]
	seen := func(text string) string { return strings.ReplaceAll(text, "@SEEN", last) }
	t.Text = seen(t.Text)
	input := map[string]any{}
	for k, v := range t.Input {
		if text, ok := v.(string); ok {
			v = seen(text)
		}
		input[k] = v
	}
	t.Input = input
	return t
}

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
