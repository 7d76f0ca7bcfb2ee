package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// journalText is all that the journal holds.
func (r *rig) journalText() string {
	r.t.Helper()
	b, err := json.Marshal(r.journal.all())
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

// TestTheJournalHoldsNoValueInAnySpelling: a value that is escaped is as
// readable as one that is not.
func TestTheJournalHoldsNoValueInAnySpelling(t *testing.T) {
	escaped := fmt.Sprintf("%%%02x", testValue[0]) + testValue[1:]
	twice := strings.Replace(escaped, "%", "%25", 1)
	all := ""
	for i := range len(testValue) {
		all += fmt.Sprintf("%%%02X", testValue[i])
	}
	for name, spelling := range map[string]string{"as it is": testValue, "one escape": escaped, "all escaped": all, "escaped twice": twice} {
		t.Run(name, func(t *testing.T) {
			up := &upstreamLog{}
			r := secretRig(t, up, Inject{})
			r.reroute(Route{Host: "example.com", Paths: []string{"/open/**"}, Secrets: []string{"acme"}})
			for path, rule := range map[string]string{
				"/open/x?q=%s": "dlp:known-secret", "/open/%s": "dlp:known-secret", // by the scan
				"/other/%s": "default", "/other/x?q=%s": "default", // by the policy, which writes paths into its reason
			} {
				c := r.rawTunnel("example.com:443")
				resp, body := exchangeRaw(t, c, "GET "+fmt.Sprintf(path, spelling)+" HTTP/1.1\r\nHost: example.com\r\n\r\n", http.MethodGet)
				if resp.StatusCode < 400 || denialIn(t, body).Rule != rule {
					t.Errorf("%s: %d %s", path, resp.StatusCode, body)
				}
			}
			if len(up.take()) > 0 {
				t.Error("the upstream got something")
			}
			text := r.journalText()
			if strings.Contains(text, testValue[1:]) || strings.Contains(text, all) {
				t.Errorf("the journal holds it: %s", text)
			}
			if !strings.Contains(text, "[known-secret]") {
				t.Errorf("nothing is redacted: %s", text)
			}
		})
	}
}

// TestAValueOnTheEdgeOfACutIsRedacted: the beginning of a value must not stand
// in a reason because its end was cut off.
func TestAValueOnTheEdgeOfACutIsRedacted(t *testing.T) {
	r := secretRig(t, &upstreamLog{}, Inject{})
	r.reroute(Route{Host: "example.com", Methods: []string{"POST"}, Secrets: []string{"acme"}})
	for kept := 1; kept < len(testValue); kept++ {
		path := "/" + strings.Repeat("p", maxShownPath-1-kept)
		status, body := r.get("https://example.com" + path + testValue)
		if d := denialIn(t, body); status != 403 || strings.Contains(d.Message, testValue[:min(kept, 8)]) && kept >= 8 {
			t.Errorf("%d of its characters kept: %d %s", kept, status, body)
		}
	}
	if text := r.journalText(); strings.Contains(text, testValue[:8]) {
		t.Error("the journal holds the beginning of the value")
	}
}
