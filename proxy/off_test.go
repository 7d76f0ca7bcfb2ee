package proxy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// TestWithDLPOffBodiesPass streams a large body, past a policy that ignores what is
// in it. A secret that is injected into bodies is looked for all the same.
func TestWithDLPOffBodiesPass(t *testing.T) {
	placeholder := "acme-PLACEHOLDER" + "00xPLACEHOLDERxPLACEH"
	value := "acme-" + "00Jq2mXz9bLw4TnRv8cYk1Ge5sPd6uQa"
	for _, c := range []struct {
		name   string
		inject Inject
		text   string
		status int
	}{
		{"the value of a secret", Inject{}, value, http.StatusOK},
		{"a placeholder", Inject{}, placeholder, http.StatusOK},
		{"a placeholder that belongs into bodies elsewhere", Inject{Body: true}, placeholder, http.StatusForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := make(chan int64, 1)
			r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				got <- countBody(q)
			}), Config{DLP: dlp.Policy{Action: dlp.Off}, Secrets: []Secret{fixedSecret("acme", placeholder, value, c.inject)}})
			body := strings.Repeat("all is plain text here. ", 2*decideBytes/24) + c.text
			if status, answer := r.post("https://example.com/", "text/plain", body); status != c.status {
				t.Fatal(status, answer)
			}
			if n := <-got; (n == int64(len(body))) != (c.status == http.StatusOK) {
				t.Errorf("the upstream got %d bytes of %d", n, len(body))
			}
		})
	}
}

func countBody(q *http.Request) int64 {
	n := int64(0)
	for buf := make([]byte, 32<<10); ; {
		k, err := q.Body.Read(buf)
		n += int64(k)
		if err != nil {
			return n
		}
	}
}
