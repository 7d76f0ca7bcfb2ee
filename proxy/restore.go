package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/replace"
)

// restorer turns markers in the answers of a model into the texts that they stand
// for. A model sends its text in small deltas, so a marker may be cut over many of
// them: each text is followed over its deltas, and no more is held back than what may
// begin a marker.
//
// It knows the events of Anthropic Messages, OpenAI Responses and OpenAI Chat; in
// every other document whole markers are replaced. What a provider has signed or
// encrypted stays.
type restorer struct {
	tables *markerTables
	texts  map[string]*deltas
	order  []string          // of the texts, as they began
	tools  map[string]string // the names of tools whose input is a text of its own, by item
	count  int               // replaced

	hold func() bool // reports whether there is room for one more template
	drop func()      // gives it back
}

// deltas is a text on its way.
type deltas struct {
	stream *replace.Stream
	code   *coder // nil in a text
	path   string // where it stands in last
	last   []byte // the document with its newest delta
	held   bool   // there is room for last
}

const (
	// maxTexts bounds the texts of one answer that are under way at a time.
	maxTexts = 256
	// maxTemplate bounds a document that is kept to bring the end of a text, in bytes.
	// Behind a longer one, or where there is no room for it, nothing of its text is held
	// back.
	maxTemplate = 16 << 10
)

func newRestorer(tables *markerTables, hold func() bool, drop func()) *restorer {
	return &restorer{tables: tables, texts: map[string]*deltas{}, tools: map[string]string{}, hold: hold, drop: drop}
}

// event is what is looked at of a document to know which text its deltas belong to.
type event struct {
	Type         string `json:"type"`
	Index        int    `json:"index"`
	ItemID       string `json:"item_id"`
	OutputIndex  int    `json:"output_index"`
	ContentIndex int    `json:"content_index"`
	SummaryIndex int    `json:"summary_index"`
	Item         struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		Name string `json:"name"`
	} `json:"item"`
	Choices []struct {
		Index  int     `json:"index"`
		Finish *string `json:"finish_reason"`
		Delta  struct {
			ToolCalls []struct {
				Index int `json:"index"`
			} `json:"tool_calls"`
		} `json:"delta"`
	} `json:"choices"`
}

// document returns a document as the agent gets it, and before it those that bring
// the ends of texts that were held back.
func (r *restorer) document(doc []byte) (before [][]byte, out []byte) {
	var e event
	if json.Unmarshal(doc, &e) != nil {
		return nil, doc // no JSON, or none of these
	}
	before = r.ended(&e)
	if e.Item.Type == customCall && len(r.tools) < maxTexts {
		r.tools[e.Item.ID] = e.Item.Name
	}
	return before, jsonStrings(doc, func(path string, raw []byte) []byte {
		if text := e.text(path); text != "" {
			return r.delta(&e, text, path, raw, doc)
		}
		return r.whole(&e, path, raw)
	})
}

// customCall is the call of a tool whose input is a text, and no JSON.
const customCall = "custom_tool_call"

// coder returns what follows a string that is code, or the input of a tool; nil for a text.
func (r *restorer) coder(e *event, path string) *coder {
	switch last := path[strings.LastIndexByte(path, '.')+1:]; {
	case last == "arguments" || last == "partial_json" || path == "delta" && e.Type == "response.function_call_arguments.delta":
		return &coder{}
	case path == "delta" && e.Type == "response.custom_tool_call_input.delta", path == "input" && e.Type == "response.custom_tool_call_input.done":
		return coderOf(r.tools[e.ItemID])
	case path == "item.input" && e.Item.Type == customCall:
		return coderOf(e.Item.Name)
	}
	return nil
}

func coderOf(tool string) *coder {
	if tool == codeTool {
		return &coder{}
	}
	return &coder{in: inText}
}

// begin is the text that the string at a path is, or begins.
func (r *restorer) begin(e *event, path string) *deltas {
	code := r.coder(e, path)
	return &deltas{code: code, stream: r.stream(code)}
}

// stream is one by the table for code, or for a text.
func (r *restorer) stream(code *coder) *replace.Stream {
	if code != nil {
		return r.tables.code.NewStream()
	}
	return r.tables.plain.NewStream()
}

// take is the next piece of a text, and its end with end set.
func (d *deltas) take(s string, end bool) []byte {
	out := d.stream.Append(nil, []byte(s))
	if end {
		out = d.stream.Close(out)
	}
	if d.code != nil {
		out = d.code.write(nil, out)
	}
	return out
}

// text names the text that the string at a path is a delta of, "" for none.
func (e *event) text(path string) string {
	switch path {
	case "delta.text", "delta.thinking", "delta.partial_json": // Anthropic
		if e.Type == "content_block_delta" {
			return e.block()
		}
	case "delta": // OpenAI Responses
		if kind, ok := strings.CutSuffix(e.Type, ".delta"); ok {
			return e.item(kind)
		}
	}
	return e.chat(path)
}

// chat is text for OpenAI Chat.
func (e *event) chat(path string) string {
	i, field := indexed(path, "choices[", "].delta.", len(e.Choices))
	if i < 0 {
		return ""
	}
	c := &e.Choices[i]
	switch field {
	case "content", "refusal", "reasoning_content":
		return fmt.Sprintf("choice %d %s", c.Index, field)
	}
	if j, rest := indexed(field, "tool_calls[", "].function.", len(c.Delta.ToolCalls)); j >= 0 && rest == "arguments" {
		return fmt.Sprintf("choice %d tool %d", c.Index, c.Delta.ToolCalls[j].Index)
	}
	return ""
}

// indexed takes an index below n out of a path, and returns what is behind it; -1 when
// the path is another.
func indexed(path, before, after string, n int) (i int, rest string) {
	if path, ok := strings.CutPrefix(path, before); ok {
		number, rest, ok := strings.Cut(path, after)
		if i, err := strconv.Atoi(number); ok && err == nil && i >= 0 && i < n {
			return i, rest
		}
	}
	return -1, ""
}

func (e *event) block() string { return fmt.Sprintf("block %d", e.Index) }

func (e *event) item(kind string) string {
	return fmt.Sprintf("%s %s %d %d %d", kind, e.ItemID, e.OutputIndex, e.ContentIndex, e.SummaryIndex)
}

// ended returns what is held back of the texts that an event ends.
func (r *restorer) ended(e *event) (docs [][]byte) {
	switch kind, done := strings.CutSuffix(e.Type, ".done"); {
	case e.Type == "content_block_stop":
		return r.end(e.block())
	case done:
		return r.end(e.item(kind))
	}
	for _, c := range e.Choices {
		if c.Finish == nil {
			continue
		}
		of := fmt.Sprintf("choice %d ", c.Index)
		for _, text := range slices.Clone(r.order) {
			if strings.HasPrefix(text, of) {
				docs = append(docs, r.end(text)...)
			}
		}
	}
	return docs
}

// end forgets a text, and returns the document with what was held back of it.
func (r *restorer) end(text string) [][]byte {
	d := r.texts[text]
	if d == nil {
		return nil
	}
	delete(r.texts, text)
	if d.held {
		defer r.drop()
	}
	r.order = slices.DeleteFunc(r.order, func(t string) bool { return t == text })
	rest := d.take("", true)
	r.counted(d.stream)
	if len(rest) == 0 {
		return nil
	}
	return [][]byte{jsonStrings(d.last, func(path string, raw []byte) []byte {
		if path == d.path {
			return []byte(quote(string(rest)))
		}
		return raw
	})}
}

// close ends all texts.
func (r *restorer) close() (docs [][]byte) {
	for _, text := range slices.Clone(r.order) {
		docs = append(docs, r.end(text)...)
	}
	return docs
}

func (r *restorer) counted(s *replace.Stream) {
	for _, h := range s.Hits() {
		r.count += h.Count
	}
}

// delta is the next piece of a text.
func (r *restorer) delta(e *event, text, path string, raw, doc []byte) []byte {
	d := r.texts[text]
	if d == nil {
		if len(r.order) >= maxTexts {
			return r.whole(e, path, raw)
		}
		d = r.begin(e, path)
		r.texts[text], r.order = d, append(r.order, text)
	}
	s, ok := unquote(raw)
	if !ok {
		return raw
	}
	d.held = d.held || r.hold()
	kept := d.held && len(doc) <= maxTemplate
	out := d.take(s, !kept)
	if kept {
		d.path, d.last = path, append(d.last[:0], doc...)
	} else {
		r.counted(d.stream)
		d.stream = r.stream(d.code)
	}
	if string(out) == s {
		return raw
	}
	return []byte(quote(string(out)))
}

// whole replaces in a string that is there in full.
func (r *restorer) whole(e *event, path string, raw []byte) []byte {
	last := path[strings.LastIndexByte(path, '.')+1:]
	if !bytes.Contains(raw, []byte(dlp.MarkerPrefix(""))) || last == "signature" || last == "encrypted_content" {
		return raw
	}
	s, ok := unquote(raw)
	if !ok {
		return raw
	}
	d := r.begin(e, path)
	out := d.take(s, true)
	r.counted(d.stream)
	return []byte(quote(string(out)))
}

func unquote(raw []byte) (s string, ok bool) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw), true
	}
	err := json.Unmarshal(slices.Concat([]byte{'"'}, raw, []byte{'"'}), &s)
	return s, err == nil
}

// typeOf is the type of an event, which is its name where it has one.
func typeOf(doc []byte) string {
	var e event
	if json.Unmarshal(doc, &e) != nil {
		return ""
	}
	return e.Type
}
