package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// anthropic is a mock of Anthropic's Messages API, as far as Claude Code needs it: a
// stream of server-sent events with a text or the call of a tool.
type anthropic struct {
	u      *upstream
	tokens *tokens
}

func (a *anthropic) register(mux *http.ServeMux) {
	mux.HandleFunc("POST api.anthropic.com/v1/messages", a.messages)
	mux.HandleFunc("POST platform.claude.com/v1/oauth/token", a.tokens.renew)
}

type messagesRequest struct {
	Model    string            `json:"model"`
	Stream   bool              `json:"stream"`
	Tools    []json.RawMessage `json:"tools"`
	Messages []struct {
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
}

// results counts the results of tools in a conversation, and returns the last.
func (r *messagesRequest) results() (n int, last string) {
	for _, m := range r.Messages {
		var blocks []struct {
			Type    string          `json:"type"`
			Content json.RawMessage `json:"content"`
		}
		if json.Unmarshal(m.Content, &blocks) != nil {
			continue // a text alone
		}
		for _, b := range blocks {
			if b.Type != "tool_result" {
				continue
			}
			n++
			if json.Unmarshal(b.Content, &last) != nil {
				last = string(b.Content)
			}
		}
	}
	return n, last
}

func (a *anthropic) messages(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	a.u.note(map[string]any{"method": r.Method, "host": r.Host, "uri": r.RequestURI, "header": r.Header, "body": string(body)})
	if !a.tokens.accepts(w, r) {
		return
	}
	var req messagesRequest
	if err := json.Unmarshal(body, &req); err != nil {
		http.Error(w, `{"type":"error","error":{"type":"invalid_request_error","message":"not JSON"}}`, http.StatusBadRequest)
		return
	}
	t := turn{Text: "hello from the mock"}
	if n, last := req.results(); len(req.Tools) > 0 {
		t = a.u.script().at(n, last)
		a.u.gather(t.Ends)
	}
	if req.Stream {
		stream(w, req.Model, t)
		return
	}
	content := map[string]any{"type": "text", "text": t.Text}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"id": "msg_1", "type": "message", "role": "assistant", "model": req.Model,
		"content": []any{content}, "stop_reason": "end_turn", "usage": usage})
}

var usage = map[string]int{"input_tokens": 10, "output_tokens": 5}

// stream answers a turn with server-sent events, in small pieces.
func stream(w http.ResponseWriter, model string, t turn) {
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(event string, data map[string]any) {
		data["type"] = event
		b, _ := json.Marshal(data)
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, b)
		_ = http.NewResponseController(w).Flush()
	}
	send("message_start", map[string]any{"message": map[string]any{"id": "msg_1", "type": "message", "role": "assistant", "model": model,
		"content": []any{}, "stop_reason": nil, "stop_sequence": nil, "usage": usage}})
	block, kind, field, text, reason := map[string]any{"type": "text", "text": ""}, "text_delta", "text", t.Text, "end_turn"
	if t.Tool != "" {
		input, _ := json.Marshal(t.Input)
		block = map[string]any{"type": "tool_use", "id": fmt.Sprintf("toolu_%d", t.number), "name": t.Tool, "input": map[string]any{}}
		kind, field, text, reason = "input_json_delta", "partial_json", string(input), "tool_use"
	}
	send("content_block_start", map[string]any{"index": 0, "content_block": block})
	for _, p := range pieces(text) {
		send("content_block_delta", map[string]any{"index": 0, "delta": map[string]any{"type": kind, field: p}})
	}
	send("content_block_stop", map[string]any{"index": 0})
	send("message_delta", map[string]any{"delta": map[string]any{"stop_reason": reason, "stop_sequence": nil}, "usage": usage})
	send("message_stop", map[string]any{})
}
