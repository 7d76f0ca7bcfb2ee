package guest

import (
	"bytes"
	"io"
	"slices"
	"testing"
)

// both is what is read and what is written.
type both struct {
	io.Reader
	io.Writer
}

// TestPorts: what is asked is answered.
func TestPorts(t *testing.T) {
	var question, answer bytes.Buffer
	_, err := AskPorts(both{bytes.NewReader(nil), &question}, "db.example")
	if err == nil {
		t.Fatal("no answer was taken for one")
	}
	many := make([]int, 300)
	for _, want := range [][]int{nil, {22}, {1, 5432, 65535}, many} {
		answer.Reset()
		err := AnswerPorts(both{bytes.NewReader(question.Bytes()), &answer}, func(host string) []int {
			if host != "db.example" {
				t.Errorf("asked for %q", host)
			}
			return want
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := AskPorts(both{&answer, io.Discard}, "db.example"); err != nil || !slices.Equal(got, want[:min(len(want), maxAnswered)]) {
			t.Errorf("got %v, %v", got, err)
		}
	}
	for _, host := range []string{"", string(make([]byte, 256))} {
		if _, err := AskPorts(both{&answer, io.Discard}, host); err == nil {
			t.Errorf("a name of %d bytes was asked for", len(host))
		}
	}
}

// FuzzPorts: whatever runs in the machine may ask, and the host may answer anything.
func FuzzPorts(f *testing.F) {
	f.Add([]byte("\x02ab"), []byte("\x01\x00\x16"))
	f.Add([]byte("\xff"), []byte{})
	f.Fuzz(func(t *testing.T, question, answer []byte) {
		var out bytes.Buffer
		err := AnswerPorts(both{bytes.NewReader(question), &out}, func(host string) []int {
			if len(host) != int(question[0]) {
				t.Errorf("%q of %q", host, question)
			}
			return []int{len(host)}
		})
		if (err == nil) != (out.Len() == 3) {
			t.Errorf("%v, and an answer of %d bytes", err, out.Len())
		}
		if ports, err := AskPorts(both{bytes.NewReader(answer), io.Discard}, "x"); err == nil && len(ports) != int(answer[0]) {
			t.Errorf("%d ports of %q", len(ports), answer)
		}
	})
}
