package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// maxHeap is what the views of a bottle may hold, in bytes. A collector lets a heap grow
// to twice of what is in use: this is half of 100 MB, with room for the program.
const maxHeap = 40 << 20

// largest is as much as the proxy writes of an exchange.
func largest(i int) proxy.Event {
	e := proxy.Event{Time: noon, Type: proxy.EventDecision, ID: fmt.Sprintf("abcdefgh-%d", i), Method: "POST", Scheme: "https", Host: fmt.Sprintf("%d.%s.example", i, strings.Repeat("h", 60)), Port: 443,
		Path: "/" + strings.Repeat("p", 2<<10) + fmt.Sprint(i), Verdict: proxy.Deny, Rule: "dlp:jwt", Reason: strings.Repeat("r", 300), BytesOut: 10}
	for f := range 64 {
		e.Findings = append(e.Findings, proxy.EventFinding{Rule: "jwt", Where: "body", Offset: int64(f), Length: 30, Hash: fmt.Sprintf("%016x", f+i), Action: "block"})
	}
	return e
}

// TestAFloodIsBounded has the largest events there are, more than any view keeps.
func TestAFloodIsBounded(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	h := &hub{board: newBoard(noon)}
	page := h.watch(filter{})
	v := newView()
	for i := 0; i < 3*maxRows; i += 500 {
		var batch eventsMsg
		for j := range 500 {
			batch = append(batch, largest(i+j))
		}
		h.send(batch)
		v.Update(batch)
	}
	h.send(questionsMsg{{ID: "q-1", Kind: supervise.KindRequest, Host: "a.example"}})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 2*maxHeap {
		t.Errorf("the two views hold %d bytes, which is more than %d", held, 2*maxHeap)
	}
	if len(h.board.rows) != maxRows || len(h.board.hosts) != maxHosts || h.board.denied != 3*maxRows {
		t.Errorf("%d rows, %d hosts, %d denied", len(h.board.rows), len(h.board.hosts), h.board.denied)
	}
	s := h.state(page, 0)
	text, err := json.Marshal(s)
	if err != nil || len(s.Rows) != floodSent || s.Skipped != 3*maxRows-floodSent || len(text) > 1<<20 || len(page.rows) != maxLook {
		t.Errorf("%d rows, %d skipped, %d bytes, %v", len(s.Rows), s.Skipped, len(text), err)
	}
	if n := len(v.screen()); n > 10_000 {
		t.Errorf("a screen of %d bytes", n)
	}
	runtime.KeepAlive(h)
	runtime.KeepAlive(v)
}

// TestWhatIsSeldomStaysInAFlood has a filter keep what the board forgets within moments,
// in both views, with all of its exchange.
func TestWhatIsSeldomStaysInAFlood(t *testing.T) {
	h := &hub{board: newBoard(noon)}
	page, denials := h.watch(filter{text: "RARE"}), h.watch(filter{Filter: journal.Filter{Denied: true}})
	v := newView()
	v.press("/", "r", "a", "r", "e", "enter")
	rare := eventsMsg{{Time: noon, Type: proxy.EventDecision, ID: "x-1", Method: "GET", Host: "rare.example", Port: 443, Verdict: proxy.Deny, Rule: "default"}}
	rest := eventsMsg{{Time: noon, Type: proxy.EventNote, ID: "x-1", Host: "rare.example", Reason: "a note"}}
	flood := make(eventsMsg, 3*maxRows)
	for i := range flood {
		flood[i] = proxy.Event{Time: noon, Type: proxy.EventEnd, ID: fmt.Sprint("y-", i), Host: "a.example", Port: 443, Status: 200, BytesIn: 10}
	}
	for _, batch := range []eventsMsg{rare, flood, rest, flood} {
		h.send(batch)
		v.Update(batch)
	}
	if s := h.state(page, -1); len(s.Rows) != 2 || s.Rows[0].Host != "rare.example" || s.Skipped != 0 {
		t.Errorf("the page has %+v, and %d are skipped", s.Rows, s.Skipped)
	}
	if s := h.state(denials, -1); len(s.Rows) != 1 || s.Rows[0].Number != 0 {
		t.Errorf("of denials, it has %+v", s.Rows)
	}
	if list := h.details(0); len(list) != 2 {
		t.Errorf("the details are of %d events", len(list))
	}
	h.unwatch(page)
	h.unwatch(denials)
	if list := h.details(0); list != nil || len(h.looks) != 0 {
		t.Errorf("without a page that shows it, %d events are kept", len(list))
	}
	v.press("up", "enter")
	v.Update(tea.WindowSizeMsg{Width: 120, Height: 60})
	if s := v.screen(); !strings.Contains(s, "filter: rare (2 of 12002;") || strings.Count(s, "rare.example") < 4 || !strings.Contains(s, "a note") {
		t.Errorf("the terminal shows\n%s", s)
	}
}

// writeJournal writes so many exchanges, as the proxy does, and returns the folder.
func writeJournal(tb testing.TB, exchanges int, path string) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "journal")
	w, err := journal.Open(dir, journal.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range exchanges {
		id, host := fmt.Sprintf("abcdefgh-%d", i), fmt.Sprintf("host-%d.example", i%50)
		for _, e := range []proxy.Event{
			{Time: noon, Type: proxy.EventDecision, ID: id, Session: "b-1", Proto: "h2", Method: "GET", Scheme: "https", Host: host, Port: 443, Path: path, Verdict: proxy.Allow, Rule: "route bottle.yaml:4"},
			{Time: noon, Type: proxy.EventEnd, ID: id, Session: "b-1", Host: host, Port: 443, Status: 200, BytesOut: 100, BytesIn: 2000, Duration: time.Millisecond},
		} {
			if err := w.Record(context.Background(), &e); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// replay sends a journal to a view until it has its last exchange.
func replay(ctx context.Context, dir string, exchanges int, send func(any)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	last, ends := fmt.Sprintf("abcdefgh-%d", exchanges-1), 0
	feedEvents(ctx, dir, func(msg any) {
		send(msg)
		if list, is := msg.(eventsMsg); is {
			for i := range list {
				if list[i].Type == proxy.EventEnd && list[i].ID == last {
					ends++
					cancel()
				}
			}
		}
	})
}

// TestTheEndOfALongJournalIsShown begins with what is near the end, and says so.
func TestTheEndOfALongJournalIsShown(t *testing.T) {
	const exchanges = 16_000
	dir := writeJournal(t, exchanges, "/"+strings.Repeat("p", 2<<10))
	var earlier earlierMsg
	events, batches := 0, 0
	replay(t.Context(), dir, exchanges, func(msg any) {
		switch msg := msg.(type) {
		case earlierMsg:
			earlier = msg
		case eventsMsg:
			events += len(msg)
			batches++
			if len(msg) > maxBatch {
				t.Errorf("a batch of %d events", len(msg))
			}
		default:
			t.Errorf("got %#v", msg)
		}
	})
	if events+int(earlier) != 2*exchanges || earlier == 0 || events < exchanges/2 {
		t.Errorf("%d events in %d batches, %d earlier", events, batches, earlier)
	}
}

// BenchmarkReplay shows how many exchanges a second each view takes from a journal: a
// terminal draws after each batch, a browser is sent a state.
func BenchmarkReplay(b *testing.B) {
	const exchanges = 20_000
	dir := writeJournal(b, exchanges, "/v1/messages?beta=true")
	for name, send := range map[string]func() func(any){
		"terminal": func() func(any) {
			v := newModel("b-1", noon, nil)
			return func(msg any) {
				v.Update(msg)
				_ = v.text()
			}
		},
		"web": func() func(any) {
			h := &hub{board: newBoard(noon)}
			page, version := h.watch(filter{text: "host-1"}), int64(-1)
			return func(msg any) {
				h.send(msg)
				if s := h.state(page, version); s != nil {
					version = s.version
					if _, err := json.Marshal(s); err != nil {
						b.Error(err)
					}
				}
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			var m runtime.MemStats
			for b.Loop() {
				replay(b.Context(), dir, exchanges, send())
			}
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(exchanges*b.N)/b.Elapsed().Seconds(), "exchanges/s")
			b.ReportMetric(float64(m.HeapInuse)/1e6, "MB")
		})
	}
}
