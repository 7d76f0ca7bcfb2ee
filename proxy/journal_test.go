package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

func TestNothingIsSentUnrecorded(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	if status, _ := r.get("https://example.com/before"); status != 200 {
		t.Fatal(status)
	}
	up.take()
	r.journal.setFail(errors.New("no space left on device"))
	for _, size := range []int{0, 10, 2 * decideBytes} {
		status, body := r.post("https://example.com/", "text/plain", strings.Repeat("x", size))
		d := denialIn(t, body)
		if status != 403 || d.Rule != "journal" || !strings.Contains(d.Message, "nothing goes out unrecorded") || strings.Contains(body, "no space left") {
			t.Errorf("%d bytes: %d %q", size, status, body)
		}
	}
	if got := up.take(); len(got) > 0 {
		t.Errorf("upstream got %+v", got)
	}
	r.journal.setFail(fmt.Errorf("a journal: %w", ErrJournalFull))
	if status, body := r.get("https://example.com/full"); status != 403 || !strings.HasPrefix(denialIn(t, body).Message, "the journal has reached its size limit") {
		t.Errorf("with a full journal: %d %q", status, body)
	}
	r.journal.setFail(nil)
	if status, _ := r.get("https://example.com/after"); status != 200 {
		t.Errorf("afterwards %d", status)
	}
}

// orderedRecorder notes what the upstream had seen when a line was written.
type orderedRecorder struct {
	memoryJournal
	contacted *atomic.Int32
	at        chan int32
}

func (j *orderedRecorder) Record(ctx context.Context, e *Event) error {
	if e.Type == EventDecision {
		j.at <- j.contacted.Load()
	}
	return j.memoryJournal.Record(ctx, e)
}

func TestTheDecisionIsWrittenBeforeTheFirstByteGoesUpstream(t *testing.T) {
	var contacted atomic.Int32
	j := &orderedRecorder{contacted: &contacted, at: make(chan int32, 10)}
	r := newRig(t, http.HandlerFunc(echo), Config{}, func(_ *rig, o *Options, _ *ListenOptions) { o.Recorder = j })
	r.upstream.Config.ConnState = nil
	up := &countingUpstream{n: &contacted, next: http.HandlerFunc(echo)}
	r.reroute(Route{Host: "plain.example.com", Upstream: plainUpstream(t, up), Private: true})
	for range 3 {
		before := contacted.Load()
		if status, _ := r.post("http://plain.example.com/x?y", "text/plain", "hello"); status != 200 {
			t.Fatal(status)
		}
		if at := <-j.at; at != before {
			t.Errorf("the upstream had been contacted %d times, before the request %d", at, before)
		}
	}
}

type countingUpstream struct {
	n    *atomic.Int32
	next http.Handler
}

func (u *countingUpstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.n.Add(1)
	u.next.ServeHTTP(w, r)
}

func TestLinesOfAnExchange(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	status, body := r.post("https://example.com/x?y=1", "text/plain", strings.Repeat("z", 1000))
	e := r.lastEnd()
	if status != 200 || e.Status != 200 || e.BytesOut != 1000 || e.BytesIn != int64(len(body)) || e.Duration <= 0 || e.Time.IsZero() || e.Error != "" {
		t.Errorf("end %+v", e)
	}
	events := r.journal.all()
	if len(events) != 2 {
		t.Fatalf("%d lines: %+v", len(events), events)
	}
	d := events[0]
	if d.Type != EventDecision || d.Verdict != Allow || d.Proto != "http/1.1" || d.Scheme != "https" || d.Method != "POST" || d.Host != "example.com" || d.Port != 443 ||
		d.Path != "/x?y=1" || d.Rule != "route example.com" || d.ID != e.ID || d.Time.After(e.Time) {
		t.Errorf("decision %+v", d)
	}
	if status, _ := r.post("https://example.com/"+strings.Repeat("p", 2*maxJournalPath), "text/plain", strings.Repeat("z", 2*decideBytes)); status != 200 {
		t.Fatal(status)
	}
	if e := r.lastEnd(); e.BytesOut != 2*decideBytes {
		t.Errorf("end %+v", e)
	}
	if d := r.journal.all()[2]; len(d.Path) > maxJournalPath+len("…") || !strings.HasSuffix(d.Path, "…") {
		t.Errorf("%d bytes of path", len(d.Path))
	}
}

func TestADenialIsOneLineAndHoldsNoSecret(t *testing.T) {
	r := secretRig(t, http.HandlerFunc(echo), Inject{})
	cases := []func(){
		func() { r.get("https://example.com/?leak=" + testValue) },
		func() { r.get("http://denied.example/?leak=" + testValue) },
		func() { r.get("http://" + testValue + ".example.com/") },
		func() { r.connect(r.dial(), testValue+".example.com:443") },
		func() { r.connect(r.dial(), githubToken+".example.com:443") },
		func() {
			exchangeRaw(t, r.rawTunnel("example.com:443"), "GET / HTTP/1.1\r\nHost: "+testValue+"\r\n\r\n", "GET")
		},
		func() { exchangeRaw(t, r.dial(), testValue+" / HTTP/1.1\r\nHost: x\r\n\r\n", "GET") },
		func() { exchangeRaw(t, r.dial(), "GET / HTTP/1.1\r\nHost: "+testValue+"\r\n\r\n", "GET") },
	}
	for i, send := range cases {
		before := len(r.journal.all())
		send()
		after := r.journal.all()[before:]
		if len(after) != 1 || after[0].Type != EventDecision || after[0].Verdict != Deny || after[0].Reason == "" || after[0].Rule == "" {
			t.Errorf("%d: lines %+v", i, after)
		}
		text := strings.ToLower(fmt.Sprintf("%+v", after))
		if strings.Contains(text, strings.ToLower(testValue)) || strings.Contains(text, strings.ToLower(githubToken)) {
			t.Errorf("%d: the value is in the journal: %s", i, text)
		}
	}
}

func TestAClientThatDoesNotTrustTheCAIsNoted(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	c := r.client(false)
	c.Transport.(*http.Transport).TLSClientConfig = nil
	if resp, err := c.Get("https://example.com/"); err == nil {
		resp.Body.Close()
		t.Fatal("it trusts us")
	}
	e := r.journal.wait(t, func(e Event) bool { return e.Type == EventNote })
	if e.Host != "example.com" || !strings.Contains(e.Reason, "may not trust the bottle's CA") || e.Error == "" {
		t.Errorf("note %+v", e)
	}
}

// TestFindingsSayHowLikelyTheyAre compares the journal with the scanner.
func TestFindingsSayHowLikelyTheyAre(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{DLP: dlp.Policy{Action: dlp.Warn}})
	engine, err := dlp.New(dlp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"token " + githubToken, `{"api_key": "` + "q8Zr1vT5xW0yBn3K" + `dJ7mLc2PfH9sGa4E"}`} {
		want := scanWhole(engine.NewScanner(), []byte(text))
		if len(want) == 0 {
			t.Fatalf("nothing is found in %q", text)
		}
		r.post("https://example.com/", "text/plain", text)
		got := r.lastEnd().Findings
		if len(got) != len(want) || got[0].Confidence == "" || got[0].Confidence != string(want[0].Confidence) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}
