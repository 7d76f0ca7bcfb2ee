package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

func entriesOf(events ...proxy.Event) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, e := range events {
			if !yield(Entry{Event: e}, nil) {
				return
			}
		}
	}
}

func noBody(*proxy.EventBody) ([]byte, error) { return nil, errors.New("there is none") }

type harFile struct {
	Log struct {
		Version string
		Creator struct{ Name, Version string }
		Entries []struct {
			StartedDateTime time.Time
			Time            float64
			Request         struct {
				Method, URL, HTTPVersion string
				BodySize                 int64
				QueryString              []struct{ Name, Value string }
			}
			Response struct {
				Status  int
				Content struct{ Size int64 }
			}
			Comment string
			Verdict string `json:"_verdict"`
			Rule    string `json:"_rule"`
		}
	}
}

func TestHAR(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	allow := proxy.Event{Time: at, Type: proxy.EventDecision, ID: "1", Proto: "h2", Method: "POST", Scheme: "https", Host: "a.example", Port: 8443, Path: "/x?q=1&\u202e=\x1b", Verdict: proxy.Allow, Rule: "r"}
	var out bytes.Buffer
	err := HAR(&out, entriesOf(
		proxy.Event{Type: proxy.EventNote, Reason: "starts"}, allow,
		proxy.Event{Time: at, Type: proxy.EventDecision, ID: "2", Method: "CONNECT", Host: "::1", Port: 443, Verdict: proxy.Deny, Rule: "default", Reason: "no route", Status: 403},
		proxy.Event{Type: proxy.EventEnd, ID: "1", Status: 201, BytesOut: 5, BytesIn: 7, Duration: 1500 * time.Microsecond},
		proxy.Event{Time: at, Type: proxy.EventDecision, ID: "3", Method: "GET", Scheme: "http", Host: "b.example", Port: 80, Path: "/", Verdict: proxy.Allow},
		proxy.Event{Type: proxy.EventEnd, ID: "none"},
	), noBody, "v1")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsAny(out.Bytes(), "\u202e\x1b") {
		t.Error("what a terminal would not show is in it")
	}
	var f harFile
	if err := json.Unmarshal(out.Bytes(), &f); err != nil {
		t.Fatalf("%v in %s", err, out.Bytes())
	}
	got := ""
	for _, e := range f.Log.Entries {
		got += fmt.Sprintln(e.Verdict, e.Rule, e.Request.Method, e.Request.URL, e.Request.HTTPVersion, e.Request.BodySize, len(e.Request.QueryString), e.Response.Status, e.Response.Content.Size, e.Time, e.Comment)
	}
	want := "deny default CONNECT https://[::1] HTTP/1.1 -1 0 403 0 0 no route\n" +
		"allow r POST https://a.example:8443/x?q=1&\u202e=\x1b HTTP/2.0 5 2 201 7 1.5 \n" +
		"allow  GET http://b.example/ HTTP/1.1 -1 0 0 0 0 \n"
	if got != want || f.Log.Version != "1.2" || f.Log.Creator.Version != "v1" || !f.Log.Entries[0].StartedDateTime.Equal(at) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Exchanges without an end take bounded memory.
func TestHARIsBounded(t *testing.T) {
	h := harWriter{open: map[string]*proxy.Event{}}
	var out bytes.Buffer
	err := HAR(&out, func(yield func(Entry, error) bool) {
		for i := range 5 * maxHAROpen {
			id := fmt.Sprint(i)
			if !yield(Entry{Event: proxy.Event{Type: proxy.EventDecision, ID: id, Verdict: proxy.Allow}}, nil) {
				return
			}
			h.take(&proxy.Event{Type: proxy.EventDecision, ID: id, Verdict: proxy.Allow})
			delete(h.open, id)
			if len(h.order) > 2*maxHAROpen {
				t.Fatalf("%d are kept", len(h.order))
			}
		}
		yield(Entry{}, &LineError{Segment: "s", Line: 1, Err: errors.New("torn")})
	}, noBody, "")
	var f harFile
	if json.Unmarshal(out.Bytes(), &f) != nil || len(f.Log.Entries) != 5*maxHAROpen || err == nil {
		t.Errorf("%d entries, %v", len(f.Log.Entries), err)
	}
}

// TestHARHasBodies: what was recorded stands where the format has it, and a comment where
// it was not.
func TestHARHasBodies(t *testing.T) {
	texts := map[string]string{"text": "a=1&b=\u202e", "binary": "\x00\xff"}
	body := func(b *proxy.EventBody) ([]byte, error) {
		if text, ok := texts[b.File]; ok {
			return []byte(text), nil
		}
		return nil, ErrBodyGone
	}
	decision := func(id string) proxy.Event {
		return proxy.Event{Type: proxy.EventDecision, ID: id, Method: "POST", Scheme: "https", Host: "a.example", Port: 443, Path: "/", Verdict: proxy.Allow}
	}
	text := &proxy.EventBody{Type: "text/plain", Size: 12, BodyPlace: proxy.BodyPlace{File: "text"}}
	binary := &proxy.EventBody{Size: 2, BodyPlace: proxy.BodyPlace{File: "binary"}}
	var out bytes.Buffer
	err := HAR(&out, entriesOf(
		decision("1"), proxy.Event{Type: proxy.EventEnd, ID: "1", Status: 200, BytesIn: 2, RequestBody: text, AnswerBody: binary},
		decision("2"), proxy.Event{Type: proxy.EventEnd, ID: "2", BytesIn: 700, RequestBody: binary, AnswerBody: &proxy.EventBody{Type: "text/html", Size: 900, Cut: true, Redacted: 2, BodyPlace: proxy.BodyPlace{File: "text"}}},
		decision("3"), proxy.Event{Type: proxy.EventEnd, ID: "3", BytesIn: 700, RequestBody: &proxy.EventBody{Size: 5, Missing: "no room"}, AnswerBody: &proxy.EventBody{BodyPlace: proxy.BodyPlace{File: "old"}}},
		decision("4"), proxy.Event{Type: proxy.EventEnd, ID: "4", BytesIn: 7},
	), body, "v1")
	if err != nil || bytes.ContainsAny(out.Bytes(), "\u202e\x00") {
		t.Fatalf("%v in %q", err, out.Bytes())
	}
	var f struct {
		Log struct {
			Entries []struct {
				Request  struct{ PostData json.RawMessage }
				Response struct{ Content json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &f); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"mimeType":"text/plain","text":"a=1\u0026b=\u202e"}`, `{"encoding":"base64","mimeType":"","size":2,"text":"AP8="}`,
		`{"encoding":"base64","mimeType":"","text":"AP8="}`, `{"comment":"only 9 bytes of its beginning were recorded; 2 texts in it replaced by markers","mimeType":"text/html","size":900,"text":"a=1\u0026b=\u202e"}`,
		`{"comment":"not recorded: no room","mimeType":""}`, `{"comment":"recorded, and not there any more as it was: it made room for newer ones","mimeType":"","size":700}`,
		``, `{"mimeType":"","size":7}`,
	}
	for i, e := range f.Log.Entries {
		if got := string(e.Request.PostData); got != want[2*i] {
			t.Errorf("%d: postData is %s", i+1, got)
		}
		if got := string(e.Response.Content); got != want[2*i+1] {
			t.Errorf("%d: content is %s", i+1, got)
		}
	}
}
