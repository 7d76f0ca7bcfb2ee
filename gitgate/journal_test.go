package gitgate_test

import (
	"encoding/json"

	"github.com/bot-bottle/bottle/proxy"
)

// eventLine is an event as scripts look for it.
func eventLine(e proxy.Event) string {
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return string(b)
}
