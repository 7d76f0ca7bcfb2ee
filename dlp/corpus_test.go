package dlp_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

// maker makes texts without a credential, each time others but from the same
// seed the same.
type maker struct {
	*rand.Rand
	t      testing.TB
	prose  []byte
	source []byte
}

// benign are the kinds of traffic that have no credential in them. Each makes
// some kilobytes.
var benign = []struct {
	name string
	make func(m *maker) []byte
}{
	{"chat, Anthropic", anthropicChat},
	{"chat, OpenAI", openAIChat},
	{"chat stream", chatStream},
	{"signed thinking, streamed", thinkingStream},
	{"signed thinking, sent back", signedThinking},
	{"encrypted reasoning", encryptedReasoning},
	{"OTLP", otlp},
	{"Sentry", sentry},
	{"npm lock", npmLock},
	{"yarn lock", yarnLock},
	{"pnpm lock", pnpmLock},
	{"Cargo lock", cargoLock},
	{"go.sum", goSum},
	{"poetry lock", poetryLock},
	{"minified script", minified},
	{"UUIDs", uuids},
	{"git log", gitLog},
	{"diff", diff},
	{"images in JSON", images},
	{"source map", sourceMap},
	{"source map in a script", inlineSourceMap},
	{"OAuth", oauth},
	{"OAuth tokens", oauthTokens},
	{"CSV", csv},
	{"SQL dump", sqlDump},
	{"HTML and CSS", webPage},
	{"binary records", records},
	{"random bytes", func(m *maker) []byte { return m.bytes(64 << 10) }},
	{"random base64", func(m *maker) []byte { return []byte(base64.StdEncoding.EncodeToString(m.bytes(48 << 10))) }},
	{"random hex", func(m *maker) []byte { return []byte(m.hex(32 << 10)) }},
	{"archives", archives},
	{"prose, not Latin", foreign},
	{"Kubernetes", kubernetes},
	{"Terraform plan", terraform},
	{"server log", serverLog},
	{"Go source", func(m *maker) []byte { return m.part(m.source, 64<<10) }},
}

func newMaker(t testing.TB, seed uint64) *maker {
	source := goSource(t, 16<<20)
	return &maker{rand.New(rand.NewPCG(seed, 3)), t, comments(source), source}
}

func (m *maker) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return b
}

func (m *maker) hex(n int) string { return fmt.Sprintf("%x", m.bytes(n)) }
func (m *maker) b64(n int) string { return base64.StdEncoding.EncodeToString(m.bytes(n)) }
func (m *maker) url(n int) string { return base64.RawURLEncoding.EncodeToString(m.bytes(n)) }
func (m *maker) of(class string, n int) string {
	return random(m.Uint64(), class, n)
}

func (m *maker) uuid() string {
	h := m.hex(16)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

// part returns n bytes of a text from anywhere in it.
func (m *maker) part(text []byte, n int) []byte {
	at := m.IntN(len(text) - n)
	return text[at : at+n]
}

var wordList = strings.Fields(`account action agent amount archive batch branch bucket buffer build cache channel client cloud cluster
commit config context counter cursor data deploy device domain driver editor engine event export factory feature field filter
folder format frame gateway graph group handler header index input item job journal label layer ledger limit link list loader
lock machine manager map matrix member message metric model module monitor network node object option order owner package page
parser patch path pipeline plugin policy pool port process profile project provider proxy query queue reader record region
registry relay release remote render report request resource result role route rule runner sample schema scope script search
segment sensor server service session shard signal socket source stack stage state storage stream string system table target task
template tenant test theme thread ticket timer token tool topic trace transform tree trigger type unit update user value vector
version view volume wallet watch widget window worker zone secret password key auth credential`)

func (m *maker) word() string { return wordList[m.IntN(len(wordList))] }
func (m *maker) pick(of ...string) string {
	return of[m.IntN(len(of))]
}

func (m *maker) name(sep string) string { return m.word() + sep + m.word() }

func (m *maker) semver() string { return fmt.Sprintf("%d.%d.%d", m.IntN(20), m.IntN(40), m.IntN(90)) }

func (m *maker) time() string {
	return fmt.Sprintf("20%02d-%02d-%02dT%02d:%02d:%02d.%06dZ", 20+m.IntN(8), 1+m.IntN(12), 1+m.IntN(28), m.IntN(24), m.IntN(60), m.IntN(60), m.IntN(1e6))
}

// many repeats what f writes.
func (m *maker) many(n int, f func(b *strings.Builder, i int)) []byte {
	var b strings.Builder
	for i := range n {
		f(&b, i)
	}
	return []byte(b.String())
}

func (m *maker) json(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		m.t.Fatal(err)
	}
	return b
}

type object = map[string]any

func anthropicChat(m *maker) []byte {
	var messages []object
	for range 4 {
		id := "toolu_" + "01" + m.of(alnum, 22)
		messages = append(messages,
			object{"role": "user", "content": []object{{"type": "text", "text": string(m.part(m.prose, 900)), "cache_control": object{"type": "ephemeral"}}}},
			object{"role": "assistant", "content": []object{
				{"type": "thinking", "thinking": string(m.part(m.prose, 700)), "signature": m.b64(300)},
				{"type": "tool_use", "id": id, "name": "Bash", "input": object{"command": "git log -1 " + m.hex(20) + " && grep -rn " + m.word() + " src/", "timeout": 120000}}}},
			object{"role": "user", "content": []object{{"type": "tool_result", "tool_use_id": id, "content": string(m.part(m.source, 5000))}}})
	}
	return m.json(object{"model": "claude-sonnet-4-5-20250929", "max_tokens": 32000, "stream": true, "messages": messages,
		"metadata": object{"user_id": "user_" + m.hex(32) + "_account_" + m.uuid() + "_session_" + m.uuid()},
		"system":   []object{{"type": "text", "text": tokenTalk}}, "tools": []object{{"name": "Edit", "input_schema": object{"type": "object", "properties": object{"file_path": object{"type": "string"}, "secret": object{"type": "string"}}}}}})
}

func openAIChat(m *maker) []byte {
	var messages []object
	for range 4 {
		id := "call_" + m.of(alnum, 24)
		arguments := m.json(object{"path": "src/" + m.name("/") + ".go", "content": string(m.part(m.source, 3000)), "sha256": m.hex(32)})
		messages = append(messages, object{"role": "user", "content": string(m.part(m.prose, 800))},
			object{"role": "assistant", "content": nil, "tool_calls": []object{{"id": id, "type": "function", "function": object{"name": "write_file", "arguments": string(arguments)}}}},
			object{"role": "tool", "tool_call_id": id, "content": "ok " + m.hex(20)})
	}
	return m.json(object{"model": "gpt-5-codex", "messages": messages, "prompt_cache_key": m.uuid(), "stream": true, "store": false,
		"include": []string{"reasoning.encrypted_content"}, "previous_response_id": "resp_" + m.hex(25), "user": m.hex(16)})
}

func chatStream(m *maker) []byte {
	id := "msg_" + "01" + m.of(alnum, 22)
	return m.many(60, func(b *strings.Builder, i int) {
		fmt.Fprintf(b, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%d,\"id\":%q,\"obfuscation\":%q,\"delta\":{\"type\":\"text_delta\",\"text\":%s}}\n\n",
			i, id, m.of(alnum, 4+m.IntN(12)), m.json(string(m.part(m.prose, 20+m.IntN(60)))))
	})
}

// signature is what a thinking block is signed with: a message of protobuf with a
// key's name, random bytes and encrypted text, in base64.
func (m *maker) signature() string {
	field := func(n byte, text []byte) []byte {
		b := binary.AppendUvarint([]byte{n<<3 | 2}, uint64(len(text)))
		return append(b, text...)
	}
	inner := append([]byte{0x08, byte(m.IntN(12)), 0x18, 2}, field(4, []byte(m.uuid()))...)
	inner = append(inner, field(5, m.bytes(12))...)
	inner = append(inner, field(6, m.bytes(48))...)
	inner = append(inner, field(7, m.bytes(64+m.IntN(3000)))...)
	return base64.StdEncoding.EncodeToString(append(field(2, inner), 0x18, 1))
}

func thinkingStream(m *maker) []byte {
	return m.many(8, func(b *strings.Builder, i int) {
		fmt.Fprintf(b, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":%s}}\n\n", i, m.json(string(m.part(m.prose, 80))))
		fmt.Fprintf(b, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{\"type\":\"signature_delta\",\"signature\":%q}}\n\n", i, m.signature())
		fmt.Fprintf(b, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":%q}}\n\n", i, m.signature())
	})
}

func signedThinking(m *maker) []byte {
	var messages []object
	for range 6 {
		messages = append(messages, object{"role": "assistant", "content": []object{
			{"type": "thinking", "thinking": string(m.part(m.prose, 300)), "signature": m.signature()},
			{"type": "redacted_thinking", "data": m.signature()},
			{"type": "server_tool_use", "id": "srvtoolu_" + "01" + m.of(alnum, 22), "name": "web_search", "input": object{"query": m.name(" ")}},
			{"type": "web_search_tool_result", "content": []object{{"type": "web_search_result", "url": "https://example.org/" + m.name("/"), "encrypted_content": m.signature(), "page_age": "April 30, 2025"}}},
			{"type": "text", "text": m.word(), "citations": []object{{"type": "web_search_result_location", "encrypted_index": m.signature()}}}}})
	}
	return m.json(object{"model": "claude-sonnet-4-5-20250929", "messages": messages})
}

// fernet is a text that is encrypted: a version, the time, a vector, blocks and a
// code, in base64 for URLs.
func (m *maker) fernet() string {
	b := binary.BigEndian.AppendUint64([]byte{0x80}, 17e8+m.Uint64N(1e8))
	b = append(b, m.bytes(16*(2+m.IntN(150))+32)...)
	return base64.URLEncoding.EncodeToString(b)
}

func encryptedReasoning(m *maker) []byte {
	var input []object
	for range 8 {
		id := m.hex(25)
		input = append(input, object{"type": "reasoning", "id": "rs_" + id, "summary": []object{{"type": "summary_text", "text": string(m.part(m.prose, 200))}}, "content": nil, "encrypted_content": m.fernet()},
			object{"type": "function_call", "id": "fc_" + id, "call_id": "call_" + m.of(alnum, 24), "name": "shell", "arguments": string(m.json(object{"command": []string{"bash", "-lc", "git show " + m.hex(20)}}))},
			object{"type": "message", "id": "msg_" + id, "role": "assistant", "content": []object{{"type": "output_text", "text": string(m.part(m.prose, 100)), "logprobs": []any{}}}},
			object{"type": "compaction", "id": "cmp_" + id, "encrypted_content": m.fernet()})
	}
	return m.json(object{"model": "gpt-5-codex", "input": input, "include": []string{"reasoning.encrypted_content"}, "store": false, "stream": true, "prompt_cache_key": m.uuid(), "safety_identifier": "user-" + m.of(alnum, 24)})
}

func otlp(m *maker) []byte {
	var spans []object
	for range 30 {
		spans = append(spans, object{"traceId": m.hex(16), "spanId": m.hex(8), "parentSpanId": m.hex(8), "name": "POST /v1/" + m.name("/"), "startTimeUnixNano": fmt.Sprint(17e17 + float64(m.IntN(1e9))),
			"attributes": []object{{"key": "http.request_id", "value": object{"stringValue": "req_" + "011C" + m.of(alnum, 20)}}, {"key": "session.id", "value": object{"stringValue": m.uuid()}}, {"key": "tokens.input", "value": object{"intValue": fmt.Sprint(m.IntN(1e6))}}}})
	}
	return m.json(object{"resourceSpans": []object{{"resource": object{"attributes": []object{{"key": "host.id", "value": object{"stringValue": m.hex(16)}}}}, "scopeSpans": []object{{"spans": spans}}}}})
}

func sentry(m *maker) []byte {
	event := m.json(object{"event_id": m.hex(16), "timestamp": m.time(), "platform": "javascript", "release": m.hex(20), "environment": "production",
		"contexts": object{"trace": object{"trace_id": m.hex(16), "span_id": m.hex(8)}}, "debug_meta": object{"images": []object{{"type": "sourcemap", "debug_id": m.uuid()}}},
		"exception":   object{"values": []object{{"type": "TypeError", "value": "Cannot read properties of undefined (reading '" + m.word() + "')", "stacktrace": object{"frames": []object{{"filename": "https://cdn.example.org/assets/index-" + m.of(dashed, 8) + ".js", "lineno": 1, "colno": m.IntN(99999)}}}}}},
		"breadcrumbs": []object{{"category": "fetch", "data": object{"url": "https://api.example.org/v2/" + m.uuid() + "?cursor=" + m.url(24)}}}})
	return m.many(4, func(b *strings.Builder, _ int) {
		fmt.Fprintf(b, "{\"event_id\":\"%s\",\"sent_at\":\"%s\"}\n{\"type\":\"event\",\"length\":%d}\n%s\n", m.hex(16), m.time(), len(event), event)
	})
}

func npmLock(m *maker) []byte {
	return m.many(60, func(b *strings.Builder, _ int) {
		n, v := m.name("-"), m.semver()
		fmt.Fprintf(b, "    \"node_modules/@%s/%s\": {\n      \"version\": \"%s\",\n      \"resolved\": \"https://registry.example.com/@%[1]s/%[2]s/-/%[2]s-%[3]s.tgz\",\n      \"integrity\": \"sha512-%[4]s\",\n      \"dependencies\": {\"%[5]s\": \"^%[6]s\"}\n    },\n", m.word(), n, v, m.b64(64), m.name("-"), m.semver())
	})
}

func yarnLock(m *maker) []byte {
	return m.many(60, func(b *strings.Builder, _ int) {
		n, v := m.name("-"), m.semver()
		fmt.Fprintf(b, "\"%s@^%s\":\n  version \"%[2]s\"\n  resolved \"https://registry.yarnpkg.com/%[1]s/-/%[1]s-%[2]s.tgz#%[3]s\"\n  integrity sha512-%[4]s\n  checksum: 10c0/%[5]s\n\n", n, v, m.hex(20), m.b64(64), m.hex(64))
	})
}

func pnpmLock(m *maker) []byte {
	return m.many(60, func(b *strings.Builder, _ int) {
		fmt.Fprintf(b, "  '@%s/%s@%s(%s@%s)':\n    resolution: {integrity: sha512-%s}\n    engines: {node: '>=18'}\n", m.word(), m.name("-"), m.semver(), m.word(), m.semver(), m.b64(64))
	})
}

func cargoLock(m *maker) []byte {
	return m.many(60, func(b *strings.Builder, _ int) {
		fmt.Fprintf(b, "[[package]]\nname = \"%s\"\nversion = \"%s\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"%s\"\n\n", m.name("_"), m.semver(), m.hex(32))
	})
}

func goSum(m *maker) []byte {
	return m.many(80, func(b *strings.Builder, _ int) {
		fmt.Fprintf(b, "github.com/%s/%s v%s-%s-%s h1:%s\n", m.word(), m.name("-"), m.semver(), "20240102030405", m.hex(6), m.b64(32))
	})
}

func poetryLock(m *maker) []byte {
	return m.many(60, func(b *strings.Builder, _ int) {
		n, v := m.name("-"), m.semver()
		fmt.Fprintf(b, "[[package]]\nname = \"%s\"\nversion = \"%s\"\nfiles = [\n    {file = \"%[1]s-%[2]s-py3-none-any.whl\", hash = \"sha256:%[3]s\"},\n    {file = \"%[1]s-%[2]s.tar.gz\", hash = \"sha256:%[4]s\", url = \"https://files.pythonhosted.org/packages/%s/%s/%s/x.tar.gz\"},\n]\n\n", n, v, m.hex(32), m.hex(32), m.hex(1), m.hex(1), m.hex(30))
	})
}

func minified(m *maker) []byte {
	text := m.many(300, func(b *strings.Builder, _ int) {
		v := func() string { return m.of("a-zA-Z_$", 1+m.IntN(2)) }
		switch m.IntN(6) {
		case 0:
			fmt.Fprintf(b, "function %s(%s,%s){return %[2]s===void 0?%s.%s(%[3]s):new %s(%[2]s,%[3]s.%s)}", v(), v(), v(), v(), m.word(), v(), m.word())
		case 1:
			fmt.Fprintf(b, "var %s={key:\"%s\",token:%s.%sToken,secret:!0,password:%s.get(\"%s\")};", v(), m.name("-"), v(), m.word(), v(), m.name("_"))
		case 2:
			fmt.Fprintf(b, "%s.exports=JSON.parse('{\"%s\":%d}'),%s=/^[A-Za-z0-9+\\/_-]{%d}$/.test(%s),", v(), m.name("_"), m.IntN(1e9), v(), m.IntN(90), v())
		case 3:
			fmt.Fprintf(b, "%d:(e,t,n)=>{\"use strict\";n.d(t,{%s:()=>%s});const %s=n(%d)},", m.IntN(1e6), v(), v(), v(), m.IntN(1e6))
		case 4:
			fmt.Fprintf(b, "%s=\"\\u%04x\\u%04x\\x%02x\"+\"%s\"+%s,", v(), 0x400+m.IntN(0x100), 0x4e00+m.IntN(0x4000), m.IntN(256), m.word(), v())
		case 5:
			fmt.Fprintf(b, "%s[%s]=[%d,0x%x,%d.%d,-1e%d],chunk.push([[%d],{%d:\"%s\"}]);", v(), v(), m.IntN(1e9), m.Uint32(), m.IntN(99), m.IntN(1e9), m.IntN(9), m.IntN(999), m.IntN(999), m.hex(10))
		}
	})
	return append(text, "//# sourceMappingURL=main."+m.hex(4)+".js.map\n"...)
}

func uuids(m *maker) []byte {
	return m.many(120, func(b *strings.Builder, i int) {
		fmt.Fprintf(b, "%s %s urn:uuid:%s {\"id\":\"%s\",\"ulid\":\"01%s\",\"oid\":\"%s\",\"ksuid\":\"2%s\"}\n", m.uuid(), strings.ToUpper(m.uuid()), m.uuid(), m.uuid(), m.of("0-9A-HJKMNP-TV-Z", 24), m.hex(12), m.of(alnum, 26))
	})
}

func gitLog(m *maker) []byte {
	return m.many(40, func(b *strings.Builder, _ int) {
		fmt.Fprintf(b, "commit %s\nMerge: %s %s\nAuthor: Some One <%s@example.org>\nChange-Id: I%s\n\n    %s\n\n%s refs/heads/%s\n:100644 100644 %s %s M\tsrc/%s.go\n", m.hex(20), m.hex(4), m.hex(4), m.name("."), m.hex(20), m.part(m.prose, 120), m.hex(20), m.name("/"), m.hex(20), m.hex(20), m.name("/"))
	})
}

func diff(m *maker) []byte {
	return m.many(12, func(b *strings.Builder, _ int) {
		f := m.name("/")
		fmt.Fprintf(b, "diff --git a/%[1]s.go b/%[1]s.go\nindex %[2]s..%[3]s 100644\n--- a/%[1]s.go\n+++ b/%[1]s.go\n@@ -%[4]d,7 +%[4]d,9 @@ func %[5]s(\n", f, m.hex(5), m.hex(5), m.IntN(999), m.word())
		for line := range strings.Lines(string(m.part(m.source, 900))) {
			b.WriteString(m.pick(" ", "+", "-") + line)
		}
		b.WriteString("\n")
	})
}

func images(m *maker) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 96, 96))
	for i := range img.Pix {
		img.Pix[i] = byte(i*7/96) + byte(m.IntN(24))
	}
	img.Set(3, 3, color.White)
	var p, j bytes.Buffer
	if err := png.Encode(&p, img); err != nil {
		m.t.Fatal(err)
	}
	if err := jpeg.Encode(&j, img, nil); err != nil {
		m.t.Fatal(err)
	}
	return m.json(object{"messages": []object{{"role": "user", "content": []object{
		{"type": "image", "source": object{"type": "base64", "media_type": "image/png", "data": base64.StdEncoding.EncodeToString(p.Bytes())}},
		{"type": "image_url", "image_url": object{"url": "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(j.Bytes())}},
		{"type": "document", "css": "@font-face{src:url(data:font/woff2;base64,d09GMgABAAAA" + m.b64(9000) + ")}"}}}}})
}

func sourceMap(m *maker) []byte {
	var mappings strings.Builder
	for range 4000 {
		mappings.WriteString(m.of("A-Za-z0-9+/", 1+m.IntN(5)) + m.pick(",", ",", ";"))
	}
	return m.json(object{"version": 3, "file": "main.js", "sources": []string{"webpack://app/./src/" + m.name("/") + ".ts"}, "sourcesContent": []string{string(m.part(m.source, 6000))}, "names": []string{m.word(), m.word()}, "mappings": mappings.String()})
}

func inlineSourceMap(m *maker) []byte {
	text := minified(m)
	text = append(text, "\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,"...)
	return append(base64.StdEncoding.AppendEncode(text, sourceMap(m)), '\n')
}

func oauth(m *maker) []byte {
	return m.many(20, func(b *strings.Builder, _ int) {
		verifier := m.url(32)
		sum := sha256.Sum256([]byte(verifier))
		q := url.Values{"client_id": {m.uuid()}, "redirect_uri": {"http://localhost:54545/callback"}, "response_type": {"code"}, "scope": {"openid profile user:inference"}, "state": {m.url(32)}, "nonce": {m.url(16)}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
		fmt.Fprintf(b, "GET /authorize?%s HTTP/1.1\r\nHost: login.example.org\r\nX-Request-Id: %s\r\n\r\n", q.Encode(), m.uuid())
		fmt.Fprintf(b, "HTTP/1.1 302 Found\r\nLocation: http://localhost:54545/callback?code=%s&state=%s\r\nETag: W/\"%s\"\r\nSet-Cookie: _dd_s=rum=0&expire=%d; Path=/\r\n\r\n", m.url(32), m.url(32), m.b64(20), m.IntN(1e9))
		fmt.Fprintf(b, "POST /token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\ngrant_type=authorization_code&code=%s&code_verifier=%s&client_id=%s\r\n", m.url(32), verifier, m.uuid())
	})
}

// oauthTokens are what a server answers: they are credentials, but nothing tells
// whose, so they are warned of.
func oauthTokens(m *maker) []byte {
	return m.many(20, func(b *strings.Builder, _ int) {
		fmt.Fprintf(b, "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"%s\",\"id_token\":\"%s\",\"refresh_token\":\"%s\"}\n", sampleJWT(m.Uint64(), 400), sampleJWT(m.Uint64(), 300), m.url(40))
	})
}

func csv(m *maker) []byte {
	return m.many(150, func(b *strings.Builder, i int) {
		fmt.Fprintf(b, "%d,%s,\"%s, %s\",%s@example.org,+49 30 %07d,%d.%02d,%s,%s,%f,%d\n", 100000+i, m.time(), m.word(), m.word(), m.name("."), m.IntN(1e7), m.IntN(1e5), m.IntN(100), m.hex(8), m.uuid(), m.Float64()*180-90, 1e17+m.Uint64N(9e17))
	})
}

func sqlDump(m *maker) []byte {
	return m.many(60, func(b *strings.Builder, i int) {
		fmt.Fprintf(b, "INSERT INTO `users` (`id`,`email`,`password_hash`,`created`,`avatar_sha`) VALUES (%d,'%s@example.org','$2b$12$%s','%s','%s');\nCOPY files FROM stdin;\n%d\t\\\\x%s\t%s\n", i, m.name("."), m.of("A-Za-z0-9./", 53), m.time(), m.hex(32), i, m.hex(32), m.uuid())
	})
}

func webPage(m *maker) []byte {
	text := m.many(60, func(b *strings.Builder, _ int) {
		c := m.name("-")
		fmt.Fprintf(b, "<div class=\"%s__%s css-%s\" id=\"%s\" data-reactid=\"%s\" style=\"color:#%s\"><a href=\"/%s?id=%d&amp;ref=%s\" rel=\"noopener\">%s &amp; %s&nbsp;&#8217;</a></div>\n", c, m.word(), m.of("a-z0-9", 6), m.name("-"), m.of("a-z0-9", 9), m.hex(3), m.name("/"), m.IntN(1e9), m.hex(6), m.part(m.prose, 60), m.word())
		fmt.Fprintf(b, ".%s-%s>.%s:nth-child(%d)::after{content:\"\\f1%02x\";background:url(\"/img/%s.png?v=%s\") #%s;transform:translate3d(%d%%,-%dpx,0)}\n", c, m.of("a-z0-9", 5), m.word(), m.IntN(9), m.IntN(256), m.name("_"), m.hex(4), m.hex(3), m.IntN(100), m.IntN(900))
		fmt.Fprintf(b, "<script src=\"/a/%s.%s.js\" integrity=\"sha384-%s\" crossorigin></script><meta name=\"csrf-param\" content=\"authenticity_token\">\n", m.word(), m.hex(10), m.b64(48))
	})
	return text
}

// records are like what protobuf writes.
func records(m *maker) []byte {
	var b []byte
	for range 300 {
		b = append(b, 0x0a, 36)
		b = append(b, m.uuid()...)
		b = append(b, 0x12, 16)
		b = append(b, m.bytes(16)...)
		n := m.name(".")
		b = append(b, 0x1a, byte(len(n)))
		b = append(b, n...)
		b = append(b, 0x20, byte(m.IntN(128))|0x80, byte(m.IntN(128)), 0x2d)
		b = append(b, m.bytes(4)...)
	}
	return b
}

func archives(m *maker) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	text := m.part(m.source, 60<<10)
	if err := w.WriteHeader(&tar.Header{Name: "package/index.go", Mode: 0o644, Size: int64(len(text))}); err != nil {
		m.t.Fatal(err)
	}
	_, _ = w.Write(text)
	_ = w.Close()
	plain := b.String()
	return []byte(gzipped(plain) + zstdded(plain) + zipped(plain) + zlibbed(string(m.bytes(4000))))
}

const foreignText = `敏捷的棕色狐狸跳过了懒狗，然后在花园里休息。本项目使用Go语言编写，支持HTTP/2和TLS 1.3，详情请参阅README文件第12节。
Быстрая коричневая лиса прыгает через ленивую собаку. Сервер nginx версии 1.25 работает на порту 8080, см. файл config.yaml и переменную PATH.
Η γρήγορη καφέ αλεπού πηδάει πάνω από το τεμπέλικο σκυλί. Δείτε το αρχείο main.go για περισσότερες λεπτομέρειες (έκδοση 2.0).
الثعلب البني السريع يقفز فوق الكلب الكسول. راجع الملف README.md للمزيد من التفاصيل حول الإصدار 3.1 من البرنامج.
素早い茶色の狐はのろまな犬を飛び越える。設定ファイルはＪＳＯＮ形式で、バージョン２．０以降が必要です。빠른 갈색 여우가 게으른 개를 뛰어넘는다.
हिंदी में एक वाक्य, naïve café Ünïcödé Straße, İstanbul'da ışık; “quotes” – dashes — 🚀🔥👩‍👩‍👧‍👦 🇩🇪🇫🇷 ✅ done, 50% → 75% ± 3 × 10⁶ m².
`

func foreign(m *maker) []byte {
	all := strings.SplitAfter(foreignText, "\n")
	return m.many(60, func(b *strings.Builder, i int) {
		line := all[m.IntN(len(all)-1)]
		if i%3 == 0 {
			line = string(m.json(line)) + "\n"
		}
		b.WriteString(line)
	})
}

func kubernetes(m *maker) []byte {
	return m.many(20, func(b *strings.Builder, _ int) {
		n := m.name("-")
		fmt.Fprintf(b, "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: %s-%s-%s\n  uid: %s\n  resourceVersion: \"%d\"\n  annotations:\n    checksum/config: %s\nspec:\n  template:\n    spec:\n      containers:\n      - name: %[1]s\n        image: registry.example.org/%[1]s@sha256:%[7]s\n        env:\n        - name: DATABASE_PASSWORD\n          valueFrom:\n            secretKeyRef: {name: %[1]s-credentials, key: password}\n        - name: API_TOKEN_FILE\n          value: /var/run/secrets/kubernetes.io/serviceaccount/token\n---\n", n, m.of("bcdfghjklmnpqrstvwxz2456789", 10), m.of("bcdfghjklmnpqrstvwxz2456789", 5), m.uuid(), m.IntN(1e9), m.hex(32), m.hex(32))
	})
}

func terraform(m *maker) []byte {
	return m.many(30, func(b *strings.Builder, _ int) {
		fmt.Fprintf(b, "  # aws_%[1]s.%[2]s will be created\n  + resource \"aws_%[1]s\" \"%[2]s\" {\n      + arn                  = \"arn:aws:iam::%012[3]d:role/%[2]s\"\n      + id                   = \"i-%[4]s\"\n      + source_code_hash     = \"%[5]s\"\n      + password             = (sensitive value)\n      + secret_id            = (known after apply)\n      ~ subnet_ids           = [\"subnet-%[6]s\", \"sg-%[7]s\"]\n      + kms_key_id           = \"arn:aws:kms:eu-west-1:%012[3]d:key/%[8]s\"\n    }\n", m.name("_"), m.name("-"), m.IntN(1e9), m.hex(8), m.b64(32), m.hex(8), m.hex(8), m.uuid())
	})
}

func serverLog(m *maker) []byte {
	return m.many(60, func(b *strings.Builder, _ int) {
		fmt.Fprintf(b, "%s INFO [%s] %d.%d.%d.%d \"GET /api/%s/%s?page=%d&cursor=%s HTTP/2\" 200 %d trace=%s dur=%.3fms ua=\"Mozilla/5.0 (X11; Linux x86_64)\" sha=%s pid=%d 0x%016x\n", m.time(), m.name("."), m.IntN(256), m.IntN(256), m.IntN(256), m.IntN(256), m.name("/"), m.uuid(), m.IntN(99), m.url(24), m.IntN(1e6), m.hex(16), m.Float64()*900, m.hex(20), m.IntN(65536), m.Uint64())
	})
}
