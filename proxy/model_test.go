package proxy

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/klauspost/compress/zstd"

	"github.com/bot-bottle/bottle/dlp"
)

// The keys of these tests look like credentials and are none.
var (
	fakeToken = "ghp_" + "R7tK2mXw9Lb4TnQv8cYk1Ge5sPd6uHa3WxJ0"
	canary    = "Hq8pVb3Nz6Dk0Fs4Mw7Ty2Jc5Rg9Xe1Lo8Ua6Ei3"
	fakePEM   = "-----BEGIN " + "PRIVATE KEY-----\n" + strings.Repeat("MC4CAQAwBQYDK2VwBCIEIKp3Qm9xT7yR2vL5nW8sZ1fH6jD4gB0aXcVeUiOpAs3k\n", 3) + "-----END " + "PRIVATE KEY-----"
)

func modelRig(t *testing.T, up http.Handler) *rig {
	r := newRig(t, up, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, testValue, Inject{Bearer: true})},
		Scan: dlp.Options{Known: []dlp.Known{{Name: "file", Value: "q7Zt4mX9w2Lb8Kv3Hd6-of-a-file", Kind: dlp.KnownSecret}, {Name: "bait", Value: canary, Kind: dlp.KnownCanary}}}})
	r.reroute(Route{Host: "example.com", Kind: KindModel, Secrets: []string{"acme"}}, Route{Host: "other.example.com"})
	return r
}

// sent posts a conversation, and returns what the model got.
func sent(t *testing.T, r *rig, up *upstreamLog, body string, header ...string) string {
	t.Helper()
	status, text := r.post("https://example.com/v1/messages", "application/json", body, header...)
	got := up.take()
	if status != 200 || len(got) != 1 {
		t.Fatalf("%d %s", status, text)
	}
	return got[0].body
}

func message(text string) string {
	b, err := json.Marshal(map[string]any{"messages": []any{map[string]any{"role": "user", "content": text}}})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestConversationIsNotStopped(t *testing.T) {
	up := &upstreamLog{}
	r := modelRig(t, up)
	for name, secret := range map[string]string{
		"a token": fakeToken, "a private key": fakePEM, "the value of a secret": testValue, "the value of a file": "q7Zt4mX9w2Lb8Kv3Hd6-of-a-file",
		"a canary": canary, "a token in base64": base64.StdEncoding.EncodeToString([]byte("key " + fakeToken + " end")),
	} {
		t.Run(name, func(t *testing.T) {
			first := sent(t, r, up, message("see: "+secret+" ."))
			if strings.Contains(first, quote(secret)[:20]) || !json.Valid([]byte(first)) {
				t.Errorf("the model got %s", first)
			}
			// The same at each turn, also under another configuration.
			r.reroute(Route{Host: "example.com", Kind: KindModel, Secrets: []string{"acme"}}, Route{Host: "other.example.com"})
			if again := sent(t, r, up, message("see: "+secret+" .")); again != first {
				t.Errorf("then it got %s, first %s", again, first)
			}
			if name == "the value of a secret" && !strings.Contains(first, testPlaceholder) {
				t.Errorf("no placeholder in %s", first)
			}
		})
	}
	if status, _ := r.post("https://other.example.com/", "application/json", message(fakeToken)); status != 400 {
		t.Errorf("another host: %d", status)
	}
}

// TestLongConversation is longer than what is decided as a whole elsewhere, and longer
// than what is anywhere.
func TestLongConversation(t *testing.T) {
	up := &upstreamLog{}
	r := modelRig(t, up)
	for _, n := range []int{4 * decideBytes, modelBytes} {
		body := message(strings.Repeat("lorem ipsu ", n/10) + fakeToken + strings.Repeat(" and on", 100))
		if got := sent(t, r, up, body); strings.Contains(got, fakeToken) || !json.Valid([]byte(got)) || len(got) < n {
			t.Errorf("the model got %d bytes of %d", len(got), len(body))
		}
	}
}

func TestCompressedConversation(t *testing.T) {
	up := &upstreamLog{}
	r := modelRig(t, up)
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"nothing to see", fakeToken} {
		plain := message("see: " + text + " .")
		body := string(enc.EncodeAll([]byte(plain), nil))
		status, answer := r.post("https://example.com/v1/responses", "application/json", body, "Content-Encoding", "zstd")
		got := up.take()
		if status != 200 || len(got) != 1 {
			t.Fatalf("%d %s", status, answer)
		}
		if clean := text != fakeToken; clean != (got[0].body == body) || clean != (got[0].header.Get("Content-Encoding") == "zstd") || strings.Contains(got[0].body, fakeToken) {
			t.Errorf("%s: the model got %q with %v", text, got[0].body, got[0].header)
		}
	}
}

// TestOpaqueFieldsStay: a provider answers 400 when what it has signed is not as it
// was; below a tool's arguments they are the agent's own.
func TestOpaqueFieldsStay(t *testing.T) {
	up := &upstreamLog{}
	r := modelRig(t, up)
	stays := []string{
		`{"messages":[{"content":[{"type":"thinking","thinking":"x","signature":"` + fakeToken + `"}]}]}`,
		`{"messages":[{"content":[{"type":"redacted_thinking","data":"` + fakeToken + `"}]}]}`,
		`{"messages":[{"content":[{"type":"image","source":{"type":"base64","data":"` + fakeToken + `"}}]}]}`,
		`{"input":[{"type":"reasoning","encrypted_content":"` + fakeToken + `"}]}`,
		`{"input":[{"content":[{"type":"input_image","image_url":"data:image/png;base64,` + fakeToken + `"}]}]}`,
	}
	for _, body := range stays {
		if got := sent(t, r, up, body); got != body {
			t.Errorf("%s became %s", body, got)
		}
		if e := r.lastEnd(); len(e.Findings) == 0 || e.Findings[0].Action != "warn" {
			t.Errorf("the journal has %+v", e.Findings)
		}
	}
	for _, body := range []string{
		`{"messages":[{"content":[{"type":"tool_use","input":{"signature":"` + fakeToken + `"}}]}]}`,
		`{"messages":[{"content":[{"type":"tool_use","input":{"source":{"data":"` + fakeToken + `"}}}]}]}`,
		`{"input":[{"content":[{"type":"input_image","image_url":"https://example.com/?key=` + fakeToken + `"}]}]}`,
		`{"messages":[{"content":[{"type":"text","data":"` + fakeToken + `"}]}]}`,
	} {
		if got := sent(t, r, up, body); strings.Contains(got, fakeToken) {
			t.Errorf("%s became %s", body, got)
		}
	}
	if status, text := r.post("https://example.com/", "application/json", strings.ReplaceAll(stays[0], fakeToken, testValue)); status != 400 {
		t.Errorf("a known value in such a field: %d %s", status, text)
	}
}

// answered has the model answer with what form makes of the marker of a text.
func answered(t *testing.T, text, contentType string, form func(marker string) string) string {
	t.Helper()
	up := &upstreamLog{}
	up.answer = func(w http.ResponseWriter, r *http.Request) {
		up.mu.Lock()
		got := up.got[len(up.got)-1].body
		up.mu.Unlock()
		i := strings.Index(got, dlp.MarkerPrefix(""))
		if i < 0 {
			http.Error(w, "no marker in "+got, http.StatusTeapot)
			return
		}
		end := i + strings.IndexFunc(got[i:], func(c rune) bool { return c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') })
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, form(got[i:end]))
	}
	r := modelRig(t, up)
	status, answer := r.post("https://example.com/v1/messages", "application/json", message("see: "+text+" ."))
	if status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	return answer
}

// sse writes events.
func sse(events ...any) string {
	var b strings.Builder
	for _, e := range events {
		j, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, "event: x\ndata: %s\n\n", j)
	}
	return b.String()
}

type obj = map[string]any

// TestMarkersAreRestored has each form of an answer cut at each byte of a marker; what
// an agent puts together of it has the text again.
func TestMarkersAreRestored(t *testing.T) {
	anthropic := func(kind, field string, quoted bool) func(string, int) string {
		return func(text string, cut int) string {
			if quoted {
				text = `{"x":` + string(mustJSON(text)) + `}`
			}
			delta := func(s string) obj {
				return obj{"type": "content_block_delta", "index": 1, "delta": obj{"type": kind, field: s}}
			}
			return sse(delta(text[:cut]), delta(text[cut:]), obj{"type": "content_block_stop", "index": 1}, obj{"type": "message_stop"})
		}
	}
	responses := func(kind string, quoted bool) func(string, int) string {
		return func(text string, cut int) string {
			if quoted {
				text = `{"x":` + string(mustJSON(text)) + `}`
			}
			delta := func(s string) obj { return obj{"type": kind + ".delta", "item_id": "i", "delta": s} }
			return sse(delta(text[:cut]), delta(text[cut:]), obj{"type": kind + ".done", "item_id": "i"})
		}
	}
	chat := func(text string, cut int) string {
		delta := func(s string) obj { return obj{"choices": []any{obj{"index": 0, "delta": obj{"content": s}}}} }
		return sse(delta(text[:cut]), delta(text[cut:]), obj{"choices": []any{obj{"index": 0, "delta": obj{}, "finish_reason": "stop"}}}) + "data: [DONE]\n\n"
	}
	for _, tt := range []struct {
		name   string
		form   func(text string, cut int) string
		quoted bool
	}{
		{"text of Anthropic", anthropic("text_delta", "text", false), false},
		{"arguments of Anthropic", anthropic("input_json_delta", "partial_json", true), true},
		{"thoughts of Anthropic", anthropic("thinking_delta", "thinking", false), false},
		{"text of Responses", responses("response.output_text", false), false},
		{"arguments of Responses", responses("response.function_call_arguments", true), true},
		{"text of Chat", chat, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, secret := range []string{fakeToken, fakePEM} {
				for cut := 0; cut < 40; cut += 9 {
					got := answered(t, secret, "text/event-stream", func(marker string) string { return tt.form("a "+marker+" BOTTLE_RED", cut) })
					want := "a " + secret + " BOTTLE_RED"
					if tt.quoted {
						want = `{"x":` + string(mustJSON(want)) + `}`
					}
					if text := together(t, got); text != want {
						t.Fatalf("cut at %d: %q, want %q, of\n%s", cut, text, want, got)
					}
				}
			}
		})
	}
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// together puts the deltas of a stream together.
func together(t *testing.T, stream string) (text string) {
	t.Helper()
	for line := range strings.Lines(stream) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var e struct {
			Delta   any
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		switch d := e.Delta.(type) {
		case string:
			text += d
		case map[string]any:
			for _, field := range []string{"text", "partial_json", "thinking"} {
				if s, ok := d[field].(string); ok {
					text += s
				}
			}
		}
		for _, c := range e.Choices {
			text += c.Delta.Content
		}
	}
	return text
}

func TestMarkersInDocuments(t *testing.T) {
	got := answered(t, fakePEM, "application/json", func(m string) string {
		return `{"content":[{"type":"text","text":"a ` + m + `"},{"type":"thinking","thinking":"` + m + `","signature":"` + m + `"}], "call":{"arguments":"{\"x\":\"` + m + `\"}"}}`
	})
	var doc struct {
		Content []struct{ Text, Thinking, Signature string }
		Call    struct{ Arguments string }
	}
	if err := json.Unmarshal([]byte(got), &doc); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	var args struct{ X string }
	if err := json.Unmarshal([]byte(doc.Call.Arguments), &args); err != nil || args.X != fakePEM {
		t.Errorf("arguments %q, %v", doc.Call.Arguments, err)
	}
	if doc.Content[0].Text != "a "+fakePEM || doc.Content[1].Thinking != fakePEM || strings.Contains(doc.Content[1].Signature, "-----BEGIN") {
		t.Errorf("got %s", got)
	}
}

// TestKnownValuesAreNotGivenBack: what the host keeps from the agent stays there.
func TestKnownValuesAreNotGivenBack(t *testing.T) {
	got := answered(t, "q7Zt4mX9w2Lb8Kv3Hd6-of-a-file", "application/json", func(m string) string { return `{"text":"` + m + `"}` })
	if !strings.Contains(got, dlp.MarkerPrefix(dlp.RuleKnown)) {
		t.Errorf("got %s", got)
	}
}

func TestMarkersOverSockets(t *testing.T) {
	up := newSocketUpstream(func(c *websocket.Conn) {
		_, b, err := c.ReadMessage()
		if err != nil {
			return
		}
		i := bytes.Index(b, []byte(dlp.MarkerPrefix("")))
		end := i + bytes.IndexAny(b[i:], `" `)
		text := string(b[i:end])
		for _, s := range []string{text[:9], text[9:]} {
			_ = c.WriteJSON(obj{"type": "response.output_text.delta", "delta": s})
		}
		_ = c.WriteJSON(obj{"type": "response.output_item.done", "item": obj{"text": text}})
		_ = c.WriteMessage(websocket.BinaryMessage, []byte(text))
	})
	r := modelRig(t, up)
	c, _ := r.socket("wss://example.com/v1/responses")
	defer c.Close()
	if err := c.WriteMessage(websocket.TextMessage, []byte(message("see: "+fakeToken+" ."))); err != nil {
		t.Fatal(err)
	}
	var text, whole string
	for range 3 {
		var e struct {
			Delta string
			Item  struct{ Text string }
		}
		if err := c.ReadJSON(&e); err != nil {
			t.Fatal(err)
		}
		text, whole = text+e.Delta, whole+e.Item.Text
	}
	_, binary, err := c.ReadMessage()
	if text != fakeToken || whole != fakeToken || err != nil || !bytes.HasPrefix(binary, []byte(dlp.MarkerPrefix(""))) {
		t.Errorf("deltas %q, item %q, binary %q, %v", text, whole, binary, err)
	}
}

// FuzzRestoreEvents: a stream in which no marker stands stays as it is, however it is
// cut.
func FuzzRestoreEvents(f *testing.F) {
	for _, s := range []string{"data: {\"a\":\"b\"}\n\n", "event: x\r\ndata:[1]\r\n\r\n: c\n\n", "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"BOTTLE_\"}}\n\ndata: {\"type\":\"content_block_stop\"}\n\n", "data: {", "\n\n\n"} {
		f.Add(s, 3)
	}
	m := &markers{room: &tableRoom{}}
	m.keep(dlp.MarkerPrefix("x")+"ABCDEFGHIJKL", []byte("text"))
	tables, err := m.get()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, stream string, cut int) {
		if len(stream) > freeEvent || strings.Contains(stream, "BOTTLE") || strings.Contains(stream, `\u`) {
			return
		}
		e := &restoreEvents{x: &exchange{}, r: newRestorer(tables, roomForAll, noRoomUsed)}
		var got []byte
		for p := []byte(stream); len(p) > 0; {
			n := min(len(p), max(1, cut%7))
			out, _ := e.write(p[:n])
			got, p = append(got, out...), p[n:]
		}
		out, _ := e.close()
		if got = append(got, out...); !bytes.HasPrefix(got, []byte(stream)) && !strings.Contains(stream, "B") {
			t.Errorf("%q became %q", stream, got)
		}
	})
}
