package pktline

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestPacketsAreReadAsTheyAreWritten(t *testing.T) {
	long := strings.Repeat("x", MaxPayload)
	b := Append(nil, "hello\n")
	b = Append(b, "")
	b = append(b, FlushPacket+DelimPacket+ResponseEndPacket...)
	b = append(Append(b, long), "PACK"...)
	src := iotest.OneByteReader(bytes.NewReader(b))
	r := NewReader(src)
	for i, want := range []struct {
		kind Kind
		text string
	}{{Data, "hello\n"}, {Data, ""}, {Flush, ""}, {Delim, ""}, {ResponseEnd, ""}, {Data, long}} {
		kind, p, err := r.Next()
		if kind != want.kind || string(p) != want.text || err != nil {
			t.Errorf("packet %d: %v of %d bytes, %v", i, kind, len(p), err)
		}
	}
	if rest, _ := io.ReadAll(src); string(rest) != "PACK" {
		t.Errorf("behind the packets: %q", rest)
	}
	if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestWhatIsNoPacketIsRefused(t *testing.T) {
	for in, want := range map[string]error{
		"":             io.EOF,
		"000":          io.ErrUnexpectedEOF,
		"0005":         io.ErrUnexpectedEOF,
		"0006a":        io.ErrUnexpectedEOF,
		"0003":         ErrMalformed,
		"fff1":         ErrMalformed,
		"00g4":         ErrMalformed,
		"+004":         ErrMalformed,
		"0x04":         ErrMalformed,
		"\x00\x00\x00": io.ErrUnexpectedEOF,
	} {
		if _, _, err := NewReader(strings.NewReader(in)).Next(); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", in, err, want)
		}
	}
}

func TestALongTextIsPartedIntoPacketsOfItsBand(t *testing.T) {
	var b bytes.Buffer
	text := strings.Repeat("0123456789", 20000)
	w, progress := NewSideband(&b, BandData), NewSideband(&b, BandProgress)
	for _, step := range []func() error{
		func() error { _, err := progress.Write([]byte("one\n")); return err },
		func() error { n, err := w.Write([]byte(text)); return errIf(n != len(text), err) },
		w.KeepAlive,
		func() error { _, err := progress.Write(nil); return err },
		func() error { _, err := progress.Write([]byte("two\n")); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	b.WriteString(FlushPacket)
	if n := bytes.Count(b.Bytes(), []byte("fff0\x01")); n != 3 {
		t.Errorf("%d full packets, want 3", n)
	}
	var said strings.Builder
	got, err := io.ReadAll(NewDemux(NewReader(&b), func(p []byte) { said.Write(p) }))
	if err != nil || string(got) != text || said.String() != "one\ntwo\n" {
		t.Errorf("%d bytes and %q: %v", len(got), said.String(), err)
	}
}

func errIf(wrong bool, err error) error {
	if err == nil && wrong {
		return errors.New("short write")
	}
	return err
}

func TestADemuxEndsWhereTheServerDoes(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"no flush":            {"0006\x01a", io.ErrUnexpectedEOF},
		"cut in a packet":     {"0009\x01a", io.ErrUnexpectedEOF},
		"a packet of no band": {"0004", ErrMalformed},
		"a band of its own":   {"0006\x04a", ErrMalformed},
		"a delimiter":         {"0001", ErrMalformed},
	} {
		if _, err := io.ReadAll(NewDemux(NewReader(strings.NewReader(c.in)), nil)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var remote *RemoteError
	_, err := io.ReadAll(NewDemux(NewReader(strings.NewReader("000d\x03no\x1b room")), nil))
	if !errors.As(err, &remote) || remote.Text != "no room" {
		t.Errorf("the third band: %v", err)
	}
}

func TestAnErrorIsOnePrintableLine(t *testing.T) {
	if got := string(AppendError(nil, "not\nlisted\x1b[0m")); got != "0016ERR not listed[0m\n" {
		t.Errorf("%q", got)
	}
	if got := len(AppendError(nil, strings.Repeat("ä", 70000))); got > 4+4+3+2*maxErrorText {
		t.Errorf("%d bytes", got)
	}
}
