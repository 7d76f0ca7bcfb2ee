package verify

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	reached := observed{ran: true, attempt: attempt{Reached: true, Detail: "connected"}}
	seen := observed{ran: true, seen: true, attempt: attempt{Detail: "sent"}}
	refused := observed{ran: true, attempt: attempt{Detail: "refused"}}
	canary := attack{name: "x", needsControl: true}
	kernel := attack{name: "x"}
	bottled := attack{name: "x", insideOnly: true}
	for _, c := range []struct {
		name            string
		attack          attack
		control, inside observed
		want            Outcome
		detail          string
	}{
		{"the canary saw it", canary, seen, seen, Fail, "not held: sent"},
		{"the canary saw it though the attacker was told otherwise", canary, seen, observed{ran: true, seen: true, attempt: attempt{Detail: "refused"}}, Fail, "not held: refused"},
		{"the attacker got through though the canary saw nothing", canary, seen, reached, Fail, "not held: connected"},
		{"it comes through inside though not outside", canary, refused, seen, Fail, "not held: sent"},
		{"the inner half says nothing about it", canary, seen, observed{}, Fail, "did not report"},
		{"nobody says anything about it", kernel, observed{}, observed{}, Fail, "did not report"},
		{"held, and shown to be an attack", canary, seen, refused, Pass, "refused"},
		{"held, and reachable outside as far as one can tell", canary, reached, refused, Pass, "refused"},
		{"a canary that cannot be reached shows nothing", canary, refused, refused, Untested, "cannot be reached from outside either: refused"},
		{"the outer half says nothing about it", canary, observed{}, refused, Untested, "from outside either"},
		{"the host refuses it as well", kernel, refused, refused, Pass, "refused" + hostRefuses},
		{"the host lets it through", kernel, reached, refused, Pass, "refused"},
		{"it is about the bottle alone", bottled, refused, refused, Pass, "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			row := judge(c.attack, c.control, c.inside)
			if row.Outcome != c.want || !strings.HasSuffix(row.Detail, c.detail) && !strings.Contains(row.Detail, c.detail) {
				t.Errorf("got %s %q, want %s %q", row.Outcome, row.Detail, c.want, c.detail)
			}
			if c.want == Pass && strings.HasSuffix(row.Detail, hostRefuses) != strings.HasSuffix(c.detail, hostRefuses) {
				t.Errorf("it says of the host: %q", row.Detail)
			}
		})
	}
}

func TestContainedMeansThatNothingFailed(t *testing.T) {
	for _, c := range []struct {
		outcomes []Outcome
		want     bool
		verdict  string
	}{
		{[]Outcome{Pass, Untested}, true, "1 passed, 0 failed, 1 untested. Contained"},
		{[]Outcome{Pass, Fail, Untested, Pass}, false, "2 passed, 1 failed, 1 untested. NOT CONTAINED"},
	} {
		r := &Report{}
		for _, o := range c.outcomes {
			r.Rows = append(r.Rows, Row{Attack: "an attack", Outcome: o, Detail: "a detail"})
		}
		var out bytes.Buffer
		if err := r.Write(&out); err != nil {
			t.Fatal(err)
		}
		if r.Contained() != c.want || !strings.Contains(out.String(), c.verdict) {
			t.Errorf("%v: contained %v, and it says %s", c.outcomes, r.Contained(), out.String())
		}
	}
}

func TestTheTableEscapesAndCutsDetails(t *testing.T) {
	r := &Report{Rows: []Row{{Attack: "an attack", Outcome: Fail, Detail: "\x1b[2Jpass\u202e" + strings.Repeat("x", 300)}}}
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(out.String(), "\n")
	if strings.ContainsAny(out.String(), "\x1b\u202e") || len(line) > 200 {
		t.Errorf("it prints %q", line)
	}
}

func TestJSON(t *testing.T) {
	b, err := json.Marshal(&Report{Rows: []Row{{Name: "tcp", Attack: "what", Outcome: Untested, Detail: "why"}}})
	if err != nil || string(b) != `{"rows":[{"name":"tcp","attack":"what","outcome":"untested","detail":"why"}]}` {
		t.Errorf("%s, %v", b, err)
	}
}
