package wirebench

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
)

// text is a piece of what agents send: JSON with prose, code and ids.
var text = sync.OnceValue(func() []byte {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the file reads a value from its folder and returns an error when func (s *Server) is nil; " +
		"for i := range list { count += i } we tested this twice on main.go:42 before it was merged, see issue 1183 " +
		"const limit = 4096 import \"net/http\" // why it waits <div class=\"row\"> git diff --stat HEAD~1 PASS ok 0.42s")
	var b strings.Builder
	for b.Len() < 1<<20 {
		var s strings.Builder
		for range 40 + r.IntN(200) {
			s.WriteString(words[r.IntN(len(words))])
			s.WriteByte(" \n"[r.IntN(12)/11])
		}
		line, _ := json.Marshal(map[string]any{"id": r.IntN(1 << 30), "role": "user", "content": s.String()})
		b.Write(append(line, '\n'))
	}
	return []byte(b.String()[:1<<20])
})

// textReader reads n bytes of text.
type textReader struct{ n, at int64 }

func (r *textReader) Read(p []byte) (int, error) {
	if r.at == r.n {
		return 0, io.EOF
	}
	block := text()
	n := copy(p[:min(int64(len(p)), r.n-r.at)], block[r.at%int64(len(block)):])
	r.at += int64(n)
	return n, nil
}
