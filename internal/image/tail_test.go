package image

import (
	"strings"
	"testing"
)

func TestTail(t *testing.T) {
	var said tail
	for range 100 {
		_, _ = said.Write([]byte(strings.Repeat("x", 1000)))
	}
	_, _ = said.Write([]byte("the end"))
	if len(said) != maxSaid || !strings.HasSuffix(string(said), "xthe end") {
		t.Errorf("%d bytes, the end is %q", len(said), said[max(0, len(said)-20):])
	}
}
