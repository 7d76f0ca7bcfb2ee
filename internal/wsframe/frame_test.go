package wsframe

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// client is a frame as a client sends it.
func client(fin bool, op Op, payload string) []byte {
	h := Header{Fin: fin, Op: op, Masked: true, Key: [4]byte{1, 2, 3, 4}, Length: int64(len(payload))}
	b := []byte(payload)
	Mask(h.Key, 0, b)
	return append(h.Append(nil), b...)
}

func server(fin bool, op Op, payload string) []byte {
	return append(Header{Fin: fin, Op: op, Length: int64(len(payload))}.Append(nil), payload...)
}

// parsed is a frame that was put together from its events.
type parsed struct {
	op         Op
	first, fin bool
	text       string
}

// parse feeds b in pieces of a size.
func parse(fromClient bool, b []byte, size int) (frames []parsed, err error) {
	p := Parser{FromClient: fromClient}
	var now parsed
	var text []byte
	for len(b) > 0 {
		piece := bytes.Clone(b[:min(size, len(b))])
		b = b[len(piece):]
		for len(piece) > 0 {
			ev, n, ok, err := p.Next(piece)
			if err != nil {
				return frames, err
			}
			piece = piece[n:]
			if !ok {
				break
			}
			if ev.Begin && !ev.Op.Control() {
				now, text = parsed{op: ev.Op, first: ev.First, fin: ev.Fin}, nil
			}
			if ev.Op.Control() {
				frames = append(frames, parsed{ev.Op, true, true, string(ev.Payload)})
				continue
			}
			if text = append(text, ev.Payload...); ev.End {
				now.text = string(text)
				frames = append(frames, now)
			}
		}
	}
	return frames, nil
}

func TestFramesAreReadHoweverTheyAreCut(t *testing.T) {
	long := strings.Repeat("ä€", 20000)
	b := bytes.Join([][]byte{
		client(true, Text, "hello"), client(true, Text, ""), client(false, Binary, "\xff\x00"), client(true, Ping, "now"),
		client(false, Continuation, ""), client(true, Continuation, "end"), client(true, Text, long), client(true, Text, long[:300]),
		client(true, Pong, ""), client(true, Close, "\x03\xe8bye"),
	}, nil)
	want := []parsed{{Text, true, true, "hello"}, {Text, true, true, ""}, {Binary, true, false, "\xff\x00"}, {Ping, true, true, "now"},
		{Binary, false, false, ""}, {Binary, false, true, "end"}, {Text, true, true, long}, {Text, true, true, long[:300]},
		{Pong, true, true, ""}, {Close, true, true, "\x03\xe8bye"}}
	for _, size := range []int{1, 2, 3, 7, 8, 100, 1 << 20} {
		got, err := parse(true, b, size)
		if err != nil || len(got) != len(want) {
			t.Fatalf("in pieces of %d: %d frames, %v", size, len(got), err)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("in pieces of %d, frame %d: got %v", size, i, got[i].op)
			}
		}
	}
}

func TestWhatBreaksTheProtocolIsRefused(t *testing.T) {
	cut := client(false, Text, "\xe2\x82")
	for name, c := range map[string]struct {
		fromClient bool
		b          []byte
		code       int
	}{
		"a client does not mask":       {true, server(true, Text, "a"), CodeProtocol},
		"a server masks":               {false, client(true, Text, "a"), CodeProtocol},
		"a reserved bit":               {false, []byte{0xc1, 0}, CodeProtocol},
		"an unknown operation":         {false, []byte{0x83, 0}, CodeProtocol},
		"an unknown control operation": {false, []byte{0x8b, 0}, CodeProtocol},
		"a control frame in fragments": {false, []byte{0x09, 0}, CodeProtocol},
		"a long control frame":         {false, []byte{0x89, 126, 0, 126}, CodeProtocol},
		"16 bits for a short length":   {false, []byte{0x82, 126, 0, 125}, CodeProtocol},
		"64 bits for a short length":   {false, []byte{0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, CodeProtocol},
		"a negative length":            {false, []byte{0x82, 127, 0x80, 0, 0, 0, 0, 1, 0, 0}, CodeProtocol},
		"a continuation of nothing":    {false, server(true, Continuation, "a"), CodeProtocol},
		"a message inside of another":  {false, append(server(false, Text, "a"), server(true, Text, "b")...), CodeProtocol},
		"text that is not UTF-8":       {false, server(true, Text, "a\xff"), CodeNotText},
		"a surrogate":                  {false, server(true, Text, "\xed\xa0\x80"), CodeNotText},
		"half a character at the end":  {false, server(true, Text, "a\xe2\x82"), CodeNotText},
		"half of one in two fragments": {true, append(cut, client(true, Continuation, "a")...), CodeNotText},
	} {
		for _, size := range []int{1, 100} {
			var broke *Error
			if _, err := parse(c.fromClient, c.b, size); !errors.As(err, &broke) || broke.Code != c.code {
				t.Errorf("%s, in pieces of %d: %v", name, size, err)
			}
		}
	}
}

func TestClose(t *testing.T) {
	for payload, good := range map[string]bool{"": true, "\x03\xe8": true, "\x0f\xa0mine": true, "\x03": false, "\x03\xed": false, "\x03\xee": false,
		"\x03\xf7": false, "\x00\x00": false, "\x13\x88": false, "\x03\xe8\xff": false, "\x03\xf0why": true} {
		if err := CheckClose([]byte(payload)); (err == nil) != good {
			t.Errorf("%q: %v", payload, err)
		}
	}
	for _, reason := range []string{"short", strings.Repeat("x", 123), strings.Repeat("x", 124), strings.Repeat("€", 100)} {
		p := ClosePayload(CodePolicy, reason)
		if len(p) > MaxControl || CheckClose(p) != nil || len(reason) <= MaxReason && string(p[2:]) != reason {
			t.Errorf("%q became %q", reason, p)
		}
	}
}

func FuzzParser(f *testing.F) {
	f.Add(client(true, Text, "hello"), true, 3)
	f.Add(append(client(false, Text, "\xe2"), client(true, Continuation, "\x82\xac")...), true, 1)
	f.Add(append(server(false, Binary, "a"), append(server(true, Ping, "p"), server(true, Continuation, "b")...)...), false, 5)
	f.Add(server(true, Binary, strings.Repeat("z", 70000)), false, 1000)
	f.Add(server(true, Text, strings.Repeat("z", 200)), false, 7)
	f.Add(server(true, Close, "\x03\xe8bye"), false, 2)
	f.Add([]byte{0x82, 127, 0x80, 0, 0, 0, 0, 1, 0, 0}, false, 4)
	f.Fuzz(func(t *testing.T, b []byte, fromClient bool, size int) {
		if size <= 0 {
			size = 1
		}
		whole, wholeErr := parse(fromClient, b, len(b)+1)
		cut, cutErr := parse(fromClient, b, size)
		if (wholeErr == nil) != (cutErr == nil) || len(whole) != len(cut) {
			t.Fatalf("whole: %d frames, %v; in pieces of %d: %d, %v", len(whole), wholeErr, size, len(cut), cutErr)
		}
		var again []byte
		text, open := "", false
		for i, fr := range whole {
			if fr != cut[i] {
				t.Fatalf("frame %d: %v and %v", i, fr, cut[i])
			}
			op := fr.op
			if !fr.first {
				op = Continuation
			}
			if fromClient {
				again = append(again, client(fr.fin, op, fr.text)...)
			} else {
				again = append(again, server(fr.fin, op, fr.text)...)
			}
			if fr.op == Text {
				if text += fr.text; fr.fin && !utf8.ValidString(text) {
					t.Fatalf("%q was taken for text", text)
				}
				if fr.fin {
					text = ""
				}
			}
			if !fr.op.Control() {
				if fr.first == open {
					t.Fatalf("frame %d begins a message that does not end", i)
				}
				open = !fr.fin
			}
		}
		// What was understood says the same when it is written again, and nothing
		// has two ways to be written.
		if !fromClient && !bytes.HasPrefix(b, again) {
			t.Fatalf("%x was read as %x", b, again)
		}
		if second, err := parse(fromClient, again, size); err != nil || len(second) != len(whole) {
			t.Fatalf("written again: %d of %d frames, %v", len(second), len(whole), err)
		}
	})
}
