package usage

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
)

// answers are of the shapes that the providers document, and send.
var answers = []struct {
	name   string
	events bool
	text   string
	want   string // "" for no report
}{
	{"Anthropic, one document", false,
		`{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"say \"usage\": {\"input_tokens\": 9}"},{"type":"tool_use","input":{"usage":{"input_tokens":77777},"model":"x"}}],"usage":{"input_tokens":12,"cache_creation_input_tokens":30,"cache_read_input_tokens":400,"cache_creation":{"ephemeral_5m_input_tokens":30},"output_tokens":5,"service_tier":"standard"}}`,
		"claude-sonnet-4-5 {12 400 30 5}"},
	{"Anthropic, events", true,
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-opus-4-1\",\"content\":[],\"usage\":{\"input_tokens\":25,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":7,\"output_tokens\":1}}}\n\n" +
			"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\\\"usage\\\":{\\\"output_tokens\\\":9}\"}}\n\n" +
			": ping\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":142}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
		"claude-opus-4-1 {25 7 0 142}"},
	{"OpenAI Responses, one document", false,
		`{"id":"resp_1","object":"response","model":"gpt-5.1-codex","output":[{"type":"message","content":[{"type":"output_text","text":"{}"}]}],"usage":{"input_tokens":1000,"input_tokens_details":{"cached_tokens":900},"output_tokens":50,"output_tokens_details":{"reasoning_tokens":20},"total_tokens":1050}}`,
		"gpt-5.1-codex {100 900 0 50}"},
	{"OpenAI Responses, events", true,
		"event: response.created\r\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"model\":\"gpt-5\",\"usage\":null}}\r\n\r\n" +
			"event: response.completed\r\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"model\":\"gpt-5\",\"usage\":{\"input_tokens\": 8 ,\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":3}}}\r\n\r\n",
		"gpt-5 {8 0 0 3}"},
	{"OpenAI Chat, one document", false,
		`{"object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"content":"x"}}],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0}}}`,
		"gpt-4o {15 4 0 10}"},
	{"OpenAI Chat, events", true,
		"data: {\"model\":\"gpt-4o\",\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\ndata: {\"model\":\"gpt-4o\",\"choices\":[],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n",
		"gpt-4o {2 0 0 1}"},
	{"numbers that are none", false, `{"usage":{"input_tokens":-5,"output_tokens":1.5,"cache_read_input_tokens":[7],"prompt_tokens":null,"completion_tokens":"8"}}`, ""},
	{"a number beyond all bounds", false, `{"usage":{"input_tokens":99999999999999999999999999}}`, fmt.Sprintf(" {%d 0 0 0}", int64(maxTokens))},
	{"an error", false, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, ""},
	{"no JSON", false, "<html>\"usage\": {\"input_tokens\": 5}", ""},
	{"usage in a list", false, `[{"usage":{"input_tokens":5}}]`, ""},
	{"usage deep below", false, `{"a":{"usage":{"input_tokens":5}}}`, ""},
	{"too deep to be followed", false, strings.Repeat(`{"usage":`, 20) + `{"input_tokens":5}` + strings.Repeat("}", 20), ""},
	{"the model is no name", false, `{"model":"` + strings.Repeat("m", maxModel+1) + `","usage":{"output_tokens":1}}`, " {0 0 0 1}"},
}

// read gives a reader an answer in pieces.
func read(events bool, pieces ...string) (got string) {
	r := NewReader(events, func(r Report) { got += fmt.Sprintf("%s %v", r.Model, r.Tokens) })
	for _, p := range pieces {
		r.Write([]byte(p))
	}
	r.Close()
	return got
}

func TestAnswersAreRead(t *testing.T) {
	for _, a := range answers {
		t.Run(a.name, func(t *testing.T) {
			if got := read(a.events, a.text); got != a.want {
				t.Fatalf("got %q, want %q", got, a.want)
			}
			if got := read(a.events, strings.Split(a.text, "")...); got != a.want {
				t.Errorf("byte by byte: got %q", got)
			}
			for i := range a.text {
				if got := read(a.events, a.text[:i], a.text[i:]); got != a.want {
					t.Errorf("cut at %d: got %q", i, got)
				}
			}
		})
	}
}

// A WebSocket carries one answer after the other.
func TestEachMessageIsReportedForItself(t *testing.T) {
	var got []string
	r := NewReader(false, func(r Report) { got = append(got, fmt.Sprint(r)) })
	for _, m := range []string{
		`{"type":"response.created","response":{"model":"gpt-5"}}`,
		`{"type":"response.completed","response":{"model":"gpt-5","usage":{"input_tokens":3,"output_tokens":4}}}`,
		`{"type":"response.output_text.delta","delta":"x"`, // cut short
		`{"type":"response.completed","response":{"model":"gpt-5-mini","usage":{"input_tokens":1}}}`,
	} {
		r.Write([]byte(m))
		r.Close()
	}
	if want := "[{gpt-5 {3 0 0 4}} {gpt-5-mini {1 0 0 0}}]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// What is kept of an answer does not grow with it.
func TestMemoryIsBounded(t *testing.T) {
	r := NewReader(true, func(Report) {})
	for _, piece := range []string{strings.Repeat("x", 1000), "\ndata: ", strings.Repeat("[", 1000), strings.Repeat(`"`+strings.Repeat("k", 1000)+`":`, 3), `{"model":"` + strings.Repeat("m", 5000), strings.Repeat("9", 5000)} {
		r.Write([]byte(piece))
	}
	if len(r.line) > len("data:")+1 || len(r.doc.stack) > maxDepth || cap(r.doc.text) > 2*maxModel {
		t.Errorf("kept: %d of a line, %d levels, %d bytes of text", len(r.line), len(r.doc.stack), cap(r.doc.text))
	}
}

func TestPrices(t *testing.T) {
	p := Prices{"claude-*": {Input: 1}, "claude-opus-*": {Input: 15, CacheRead: 1.5, CacheWrite: 18.75, Output: 75}, "gpt-5": {Output: 10}, "or/*": {Input: 2}}
	for model, want := range map[string]float64{"claude-x": 1, "claude-opus-4-1": 15, "or/a/b": 2} {
		if got, ok := p.For(model); !ok || got.Input != want {
			t.Errorf("%s: got %v, %v", model, got, ok)
		}
	}
	for _, model := range []string{"", "gpt-5-mini", "xclaude-1", "or"} {
		if got, ok := p.For(model); ok {
			t.Errorf("%s: got %v", model, got)
		}
	}
	got := p["claude-opus-*"].Cost(Tokens{Input: 1e6, CacheRead: 2e6, CacheWrite: 4e6, Output: 1e5})
	if math.Abs(got-(15+3+75+7.5)) > 1e-9 {
		t.Errorf("got %v", got)
	}
}

// FuzzReader holds the reader to what encoding/json reads of a document, and to the
// same answer however it is cut.
func FuzzReader(f *testing.F) {
	for _, a := range answers {
		f.Add([]byte(a.text), a.events, uint(len(a.text)/2))
	}
	f.Fuzz(func(t *testing.T, text []byte, events bool, cut uint) {
		whole := read(events, string(text))
		at := int(cut % uint(len(text)+1))
		if got := read(events, string(text[:at]), string(text[at:])); got != whole {
			t.Errorf("cut at %d: got %q, want %q", at, got, whole)
		}
		var doc struct {
			Usage struct {
				Input *json.Number `json:"input_tokens"`
			} `json:"usage"`
		}
		// Where names differ in case, encoding/json takes them for one.
		if events || strings.Count(strings.ToLower(string(text)), "usage") != 1 || strings.ContainsAny(string(text), `\`) || json.Unmarshal(text, &doc) != nil || doc.Usage.Input == nil {
			return
		}
		if n := number([]byte(*doc.Usage.Input)); n >= 0 && whole == "" && strings.Contains(string(text), `"usage"`) && strings.Contains(string(text), `"input_tokens"`) {
			t.Errorf("%q reports %d tokens, and nothing is read", text, n)
		}
	})
}
