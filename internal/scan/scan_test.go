package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bot-bottle/bottle/dlp"
)

// token returns a sample that no text of this repository looks like.
func token(i int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	r := rand.New(rand.NewPCG(uint64(i), 9))
	b := []byte("gh" + "p_")
	for range 36 {
		b = append(b, alphabet[r.IntN(len(alphabet))])
	}
	return string(b)
}

func engine(t testing.TB) *dlp.Engine {
	t.Helper()
	e, err := dlp.New(dlp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func decide(f dlp.Finding) dlp.Action { return dlp.Policy{}.Decide(f, "") }

// collect is a Sink that keeps everything.
type collect struct {
	findings []Finding
	problems []string
	fail     error
}

func (c *collect) Finding(f Finding) error {
	c.findings = append(c.findings, f)
	return c.fail
}

func (c *collect) Problem(name string, err error) {
	c.problems = append(c.problems, name+": "+err.Error())
}

// Lines and columns do not depend on how the file is read.
func TestPlaces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	type at struct{ line, column int64 }
	var want []at
	line, column := int64(1), int64(1)
	for i := range 2000 {
		part := []string{"é", "\n", "word ", "日本 ", "\r\n", strings.Repeat("y. ", r.IntN(3000)), "\xff ", ""}[r.IntN(8)]
		text.WriteString(part)
		if j := strings.LastIndexByte(part, '\n'); j >= 0 {
			line, column, part = line+1, 1, part[j+1:]
		}
		column += int64(len([]rune(part)))
		if strings.HasSuffix(part, " ") || column == 1 {
			want = append(want, at{line, column})
			text.WriteString(token(i) + " ")
			column += int64(len(token(i))) + 1
		}
	}
	for _, reader := range []func(io.Reader) io.Reader{
		func(r io.Reader) io.Reader { return r },
		iotest.HalfReader,
		iotest.OneByteReader,
	} {
		c := new(collect)
		opts := Options{Engine: engine(t), Decide: decide, Paths: []string{Stdin}, Stdin: reader(strings.NewReader(text.String()))}
		if err := Run(context.Background(), opts, c); err != nil {
			t.Fatal(err)
		}
		if len(c.findings) != len(want) {
			t.Fatalf("%d findings, want %d", len(c.findings), len(want))
		}
		for i, f := range c.findings {
			if (at{f.Line, f.Column}) != want[i] || !strings.HasPrefix(text.String()[f.Offset:], "gh"+"p_") {
				t.Fatalf("finding %d is at %d:%d, want %v", i, f.Line, f.Column, want[i])
			}
		}
	}
}

// tree makes files with as many tokens as their name says.
func tree(t *testing.T, files int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range files {
		path := filepath.Join(dir, fmt.Sprintf("%d", i%7), fmt.Sprintf("%04d", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		text := ""
		for j := range (i * i) % 300 {
			text += token(i+j) + "\n"
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// However many work at once, the findings come in the order of the files.
func TestOrder(t *testing.T) {
	dir := tree(t, 300)
	c, totals := new(collect), new(Totals)
	if err := Run(context.Background(), Options{Engine: engine(t), Decide: decide, Paths: []string{dir, filepath.Join(dir, "1")}, Totals: totals}, c); err != nil {
		t.Fatal(err)
	}
	if totals.Files.Load() != 343 || totals.Findings.Load() != int64(len(c.findings)) || len(c.findings) < 10000 {
		t.Errorf("%d files, %d findings", totals.Files.Load(), totals.Findings.Load())
	}
	turn := 0
	for i, f := range c.findings[1:] {
		before := c.findings[i]
		switch {
		case f.File < before.File:
			turn++
		case f.File == before.File && f.Line != before.Line+1:
			t.Fatalf("%s:%d is behind line %d", f.File, f.Line, before.Line)
		}
	}
	if turn != 1 { // the second path begins again
		t.Errorf("the order of the files begins anew %d times", turn)
	}
}

func TestRunEnds(t *testing.T) {
	dir := tree(t, 100)
	c := &collect{fail: errors.New("full")}
	if err := Run(context.Background(), Options{Engine: engine(t), Decide: decide, Paths: []string{dir}}, c); !errors.Is(err, c.fail) || len(c.findings) != 1 {
		t.Errorf("%v behind %d findings", err, len(c.findings))
	}
	ctx, cancel := context.WithCancel(context.Background())
	r, _ := io.Pipe() // never anything to read
	cancel()
	if err := Run(ctx, Options{Engine: engine(t), Decide: decide, Paths: []string{Stdin}, Stdin: r}, new(collect)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestProblems(t *testing.T) {
	c := new(collect)
	bad := io.MultiReader(strings.NewReader(token(1)+"\n"), iotest.ErrReader(errors.New("broken")))
	opts := Options{Engine: engine(t), Decide: decide, Paths: []string{"nowhere", Stdin}, Stdin: bad}
	if err := Run(context.Background(), opts, c); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.problems, ", "); got != "nowhere: stat: no such file or directory, -: broken" || len(c.findings) != 1 {
		t.Errorf("problems %q, %d findings", got, len(c.findings))
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x ", chunkBytes) + token(1) + " " + strings.Repeat("y ", chunkBytes)
	half := token(2)
	tests := []struct {
		name, in string
		want     []string // columns
	}{
		{"nothing", "", nil},
		{"an empty line", "\n", []string{""}},
		{"no line feed at the end", "a\n" + half, []string{"", "1"}},
		{"a token over two lines is none", half[:20] + "\n" + half[20:] + "\n", []string{"", ""}},
		{"each line begins anew", "é " + half + "\né " + half + " " + half + "\n", []string{"3", "3,44"}},
		{"long lines", long + "\n" + long + "\n", []string{"131073", "131073"}},
		{"more than are listed", strings.Repeat(half+" ", 1002) + "\n" + half, []string{"", "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			opts := Options{Engine: engine(t), Decide: decide, Paths: []string{Stdin}, Stdin: strings.NewReader(tt.in), Totals: new(Totals)}
			if err := Lines(context.Background(), opts, &out, nil); err != nil {
				t.Fatal(err)
			}
			dec := json.NewDecoder(&out)
			for i, want := range tt.want {
				var l Line
				if err := dec.Decode(&l); err != nil {
					t.Fatal(err)
				}
				var columns []string
				for _, f := range l.Findings {
					columns = append(columns, fmt.Sprint(f.Column))
				}
				if l.More > 0 {
					if len(columns) != maxPerLine || l.More != 2 {
						t.Errorf("%d are listed, %d more", len(columns), l.More)
					}
					columns = nil
				}
				if got := strings.Join(columns, ","); got != want || l.Line != int64(i+1) {
					t.Errorf("line %d: found at %s, want %s", l.Line, got, want)
				}
			}
			if dec.More() {
				t.Error("there are more lines")
			}
			if n := opts.Totals.Bytes.Load(); n != int64(len(tt.in)) {
				t.Errorf("%d bytes", n)
			}
		})
	}
}

func TestSARIF(t *testing.T) {
	var out bytes.Buffer
	s, err := NewSARIF(&out, "1.2", []dlp.Rule{{ID: "a", Action: dlp.Block}, {ID: "b", Action: dlp.Warn}, {ID: "c", Action: dlp.Off}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []Finding{
		{File: "x y/ü.txt", Line: 3, Column: 4, Offset: 10, Length: 5, Rule: "b", Action: dlp.Warn, Confidence: dlp.High},
		{File: "x y/ü.txt", Line: 9, Column: 1, Rule: "b", Action: dlp.Warn},
		{File: "/abs/c:d", Line: 1, Column: 1, Rule: "a", Action: dlp.Block, Path: "base64>gzip"},
		{File: "-", Line: 1, Column: 1, Rule: dlp.RuleKnown, Action: dlp.Block, Name: "api"},
	} {
		if err := s.Finding(f); err != nil {
			t.Fatal(err)
		}
	}
	s.Problem("gone", errors.New("no such file"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Runs []struct {
			Tool    struct{ Driver sarifDriver }
			Results []struct {
				RuleIndex    *int
				Level        string
				Message      sarifText
				Locations    []sarifLocation
				Fingerprints map[string]string `json:"partialFingerprints"`
				Rank         float64
				Properties   map[string]string
			}
			Invocations []struct {
				Successful    bool                `json:"executionSuccessful"`
				Notifications []sarifNotification `json:"toolExecutionNotifications"`
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatalf("%v: %s", err, out.Bytes())
	}
	run := log.Runs[0]
	if levels := run.Tool.Driver.Rules; levels[0].Config.Level != "error" || levels[1].Config.Level != "warning" || levels[2].Config.Level != "none" {
		t.Errorf("rules %+v", levels)
	}
	var uris []string
	prints := map[string]bool{}
	for _, r := range run.Results {
		uris = append(uris, r.Locations[0].Physical.Artifact.URI)
		prints[r.Fingerprints["bottleOccurrence/v1"]] = true
	}
	if got := strings.Join(uris, " "); got != "x%20y/%C3%BC.txt x%20y/%C3%BC.txt file:///abs/c:d stdin" {
		t.Errorf("URIs %s", got)
	}
	if len(prints) != 4 {
		t.Errorf("the findings have %d fingerprints", len(prints))
	}
	if r := run.Results[0]; *r.RuleIndex != 1 || run.Results[3].RuleIndex != nil || r.Level != "warning" || *r.Locations[0].Physical.Region != (sarifRegion{3, 4, 10, 5}) {
		t.Errorf("result %+v", r)
	}
	if !strings.Contains(run.Results[2].Message.Text, "base64>gzip") || !strings.Contains(run.Results[3].Message.Text, "secret api") {
		t.Errorf("messages %q, %q", run.Results[2].Message.Text, run.Results[3].Message.Text)
	}
	if r, none := run.Results[0], run.Results[1]; r.Rank != 90 || r.Properties["confidence"] != "high" || none.Rank != 0 || none.Properties != nil {
		t.Errorf("confidence %+v, %+v", r, none)
	}
	if inv := run.Invocations[0]; inv.Successful || len(inv.Notifications) != 1 {
		t.Errorf("invocation %+v", inv)
	}
}
