package journal

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

// slowBody is what encoding/json makes of an event.
func slowBody(t *testing.T, e *proxy.Event) []byte {
	t.Helper()
	enc := newEncoder()
	if err := enc.encode(e); err != nil {
		t.Fatal(err)
	}
	return enc.out
}

// TestPlainLinesHaveEveryField sets each field of an event by itself, and all but
// the findings, the usage and the bodies together.
func TestPlainLinesHaveEveryField(t *testing.T) {
	full := proxy.Event{}
	for i := range reflect.TypeFor[proxy.Event]().NumField() {
		one := proxy.Event{}
		for _, e := range []*proxy.Event{&one, &full} {
			switch f := reflect.ValueOf(e).Elem().Field(i); f.Interface().(type) {
			case time.Time:
				f.Set(reflect.ValueOf(time.Date(2026, 5, 6, 7, 8, 9, 10_000, time.FixedZone("", 3600))))
			case []string:
				f.Set(reflect.ValueOf([]string{"one", "two", ""}))
			case *proxy.EventUsage:
				if e == &one {
					f.Set(reflect.ValueOf(&proxy.EventUsage{Model: "m", Cost: 0.5}))
				}
			case *proxy.EventBody:
				if e == &one {
					f.Set(reflect.ValueOf(&proxy.EventBody{Size: 5, Missing: "m"}))
				}
			case []proxy.EventFinding:
				if e == &one {
					f.Set(reflect.ValueOf([]proxy.EventFinding{{Rule: "jwt"}}))
				}
			default:
				switch f.Kind() {
				case reflect.String:
					f.SetString("some <text> & more")
				case reflect.Int, reflect.Int64:
					f.SetInt(int64(-1000 + i))
				default:
					t.Fatalf("a field of type %v, which appendPlain has to learn", f.Type())
				}
			}
		}
		name := reflect.TypeFor[proxy.Event]().Field(i).Name
		got, ok := appendPlain(nil, &one)
		if ok == slices.Contains([]string{"Findings", "Usage", "RequestBody", "AnswerBody"}, name) {
			t.Errorf("%s: plain is %v", name, ok)
		}
		if want := slowBody(t, &one); ok && !bytes.Equal(got, want) {
			t.Errorf("%s:\n%s, want\n%s", name, got, want)
		}
	}
	if got, ok := appendPlain(nil, &full); !ok || !bytes.Equal(got, slowBody(t, &full)) {
		t.Errorf("all: %v\n%s", ok, got)
	}
}

// FuzzPlain compares what is written by hand with what encoding/json writes.
func FuzzPlain(f *testing.F) {
	f.Add("example.com", "/v1?q=\"", "a\\b", int64(5), int64(1))
	f.Add("b\u00fccher.example", "\u202e", "\x7f\x00", int64(-1), int64(1<<60))
	f.Fuzz(func(t *testing.T, host, path, reason string, n, when int64) {
		e := &proxy.Event{Time: time.Unix(0, when).UTC(), Type: proxy.EventEnd, Host: host, Path: path, Reason: reason, BytesIn: n, Inert: []string{host}}
		if got, ok := appendPlain(nil, e); ok && !bytes.Equal(got, slowBody(t, e)) {
			t.Errorf("%s, want\n%s", got, slowBody(t, e))
		}
	})
}
