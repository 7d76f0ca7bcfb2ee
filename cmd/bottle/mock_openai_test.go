package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/klauspost/compress/zstd"
)

// openAI is a mock of OpenAI's Responses API, as far as Codex needs it: over a
// WebSocket, and over POST with server-sent events.
type openAI struct {
	u      *upstream
	tokens *tokens
}

// register adds the paths that Codex asks.
func (o *openAI) register(mux *http.ServeMux) {
	for _, at := range []string{"chatgpt.com/backend-api/codex", "api.openai.com/v1"} {
		mux.HandleFunc("GET "+at+"/responses", o.socket)
		mux.HandleFunc("POST "+at+"/responses", o.post)
	}
	mux.HandleFunc("GET chatgpt.com/backend-api/codex/models", o.models)
	mux.HandleFunc("GET api.openai.com/v1/models", o.models)
	mux.HandleFunc("GET chatgpt.com/backend-api/wham/accounts/check", o.accounts)
	mux.HandleFunc("POST auth.openai.com/oauth/token", o.tokens.renew)
}

// responsesRequest is what is looked at of a request.
type responsesRequest struct {
	Type     string `json:"type"`
	Generate *bool  `json:"generate"` // false: it only warms the connection up
	Previous string `json:"previous_response_id"`
	Input    []struct {
		Type   string `json:"type"`
		Output any    `json:"output"`
	} `json:"input"`
}

// results counts the results of tools in a request, and returns the last.
func (r *responsesRequest) results() (n int, last string) {
	for _, item := range r.Input {
		if item.Type == "function_call_output" || item.Type == "custom_tool_call_output" {
			n++
			last = strings.TrimSuffix(outputText(item.Output), "\n")
		}
	}
	return n, last
}

// outputText is the text of a result, or the last of its parts: those before say how
// it went.
func outputText(v any) string {
	if parts, ok := v.([]any); ok && len(parts) > 0 {
		v = parts[len(parts)-1]
	}
	if part, ok := v.(map[string]any); ok {
		v = part["text"]
	}
	text, _ := v.(string)
	return text
}

func (o *openAI) accounts(w http.ResponseWriter, r *http.Request) {
	o.u.note(map[string]any{"method": r.Method, "host": r.Host, "uri": r.RequestURI, "header": r.Header})
	if !o.tokens.accepts(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"accounts": []any{map[string]any{"id": r.Header.Get("Chatgpt-Account-Id"), "plan_type": "plus"}}})
}

// models lists none: the client knows some by itself.
func (o *openAI) models(w http.ResponseWriter, r *http.Request) {
	o.u.note(map[string]any{"method": r.Method, "host": r.Host, "uri": r.RequestURI, "header": r.Header})
	if o.tokens.accepts(w, r) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"models":[]}`)
	}
}

// post answers a turn with server-sent events.
func (o *openAI) post(w http.ResponseWriter, r *http.Request) {
	src := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "zstd" {
		dec, err := zstd.NewReader(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer dec.Close()
		src = dec
	}
	body, err := io.ReadAll(src)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	o.u.note(map[string]any{"method": r.Method, "host": r.Host, "uri": r.RequestURI, "header": r.Header, "body": string(body)})
	if !o.tokens.accepts(w, r) {
		return
	}
	var req responsesRequest
	if err := json.Unmarshal(body, &req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n, last := req.results()
	t := o.u.script().at(n, last)
	o.u.gather(t.Ends)
	w.Header().Set("Content-Type", "text/event-stream")
	for _, e := range responsesEvents(t, n) {
		b, _ := json.Marshal(e)
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", e["type"], b)
		_ = http.NewResponseController(w).Flush()
	}
}

// socket answers turns on a WebSocket. What was sent before need not be sent again.
func (o *openAI) socket(w http.ResponseWriter, r *http.Request) {
	o.u.note(map[string]any{"method": r.Method, "host": r.Host, "uri": r.RequestURI, "header": r.Header})
	if !o.tokens.accepts(w, r) {
		return
	}
	if o.u.has("no-websocket") {
		w.WriteHeader(http.StatusUpgradeRequired)
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	results := 0
	for {
		_, b, err := c.ReadMessage()
		if err != nil {
			return
		}
		o.u.note(map[string]any{"message": r.Host, "uri": r.RequestURI, "body": string(b)})
		var req responsesRequest
		if json.Unmarshal(b, &req) != nil {
			return
		}
		n, last := req.results()
		if req.Previous == "" {
			results = 0
		}
		results += n
		t := o.u.script().at(results, last)
		if req.Generate != nil && !*req.Generate {
			t = turn{}
		}
		o.u.gather(t.Ends)
		for _, e := range responsesEvents(t, results) {
			if c.WriteJSON(e) != nil {
				return
			}
		}
		if t.Ends > 0 { // with the token, so that the client comes again
			_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseServiceRestart, ""), time.Now().Add(time.Second))
			return
		}
	}
}

// responsesEvents are the events of one turn.
func responsesEvents(t turn, n int) []map[string]any {
	id := fmt.Sprintf("resp_%d", n)
	events := []map[string]any{{"type": "response.created", "response": map[string]any{"id": id, "object": "response", "status": "in_progress"}}}
	var item map[string]any
	switch {
	case t.Tool == "exec": // JavaScript, in which Codex's model calls all other tools
		code, _ := t.Input["code"].(string)
		item = map[string]any{"type": "custom_tool_call", "id": "ctc_1", "call_id": fmt.Sprintf("call_%d", n), "namespace": "functions", "name": t.Tool, "input": code, "status": "completed"}
		events = append(events, map[string]any{"type": "response.output_item.added", "output_index": 0, "item": map[string]any{"type": "custom_tool_call", "id": "ctc_1", "call_id": item["call_id"], "namespace": "functions", "name": t.Tool, "input": "", "status": "in_progress"}})
		for _, p := range pieces(code) {
			events = append(events, map[string]any{"type": "response.custom_tool_call_input.delta", "item_id": "ctc_1", "output_index": 0, "delta": p})
		}
		events = append(events, map[string]any{"type": "response.custom_tool_call_input.done", "item_id": "ctc_1", "output_index": 0, "input": code})
	case t.Tool != "":
		args, _ := json.Marshal(t.Input)
		item = map[string]any{"type": "function_call", "id": "fc_1", "call_id": fmt.Sprintf("call_%d", n), "name": t.Tool, "arguments": string(args), "status": "completed"}
		events = append(events, map[string]any{"type": "response.output_item.added", "output_index": 0, "item": map[string]any{"type": "function_call", "id": "fc_1", "call_id": item["call_id"], "name": t.Tool, "arguments": "", "status": "in_progress"}})
		for _, p := range pieces(string(args)) {
			events = append(events, map[string]any{"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 0, "delta": p})
		}
		events = append(events, map[string]any{"type": "response.function_call_arguments.done", "item_id": "fc_1", "output_index": 0, "arguments": string(args)})
	case t.Text != "":
		content := []any{map[string]any{"type": "output_text", "text": t.Text, "annotations": []any{}}}
		item = map[string]any{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
		events = append(events, map[string]any{"type": "response.output_item.added", "output_index": 0, "item": map[string]any{"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []any{}}})
		for _, p := range pieces(t.Text) {
			events = append(events, map[string]any{"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": p})
		}
		events = append(events, map[string]any{"type": "response.output_text.done", "item_id": "msg_1", "output_index": 0, "content_index": 0, "text": t.Text})
	}
	output := []any{}
	if item != nil {
		events = append(events, map[string]any{"type": "response.output_item.done", "output_index": 0, "item": item})
		output = append(output, item)
	}
	usage := map[string]any{"input_tokens": 10, "input_tokens_details": map[string]int{"cached_tokens": 0}, "output_tokens": 5, "output_tokens_details": map[string]int{"reasoning_tokens": 0}, "total_tokens": 15}
	return append(events, map[string]any{"type": "response.completed", "response": map[string]any{"id": id, "object": "response", "status": "completed", "output": output, "usage": usage}})
}
