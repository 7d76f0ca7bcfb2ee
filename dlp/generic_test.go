package dlp

import (
	"encoding/base64"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// value returns a random value that is one by looksRandom.
func value(r *rand.Rand) string {
	for {
		v := randText(r, [...]string{"A-Za-z0-9", "a-z0-9", "0-9a-f", "A-Za-z0-9_-", "A-Za-z0-9+/"}[r.IntN(5)], 20+r.IntN(40))
		// One that ends or starts with a sign of other meaning, or has none of
		// the runs that are looked at, is for other tests.
		if looksRandom([]byte(v)) && !isPath([]byte(v)) && alnum[v[0]] && alnum[v[len(v)-1]] {
			return v
		}
	}
}

func TestGenericSecret(t *testing.T) {
	r := newRand(1)
	places := []frame{
		{"https://h/x?api_key=", "&b=1"}, {"a=1&client_secret=", ""}, {"token=", "\n"}, {"X-Api-Key: ", "\r\n"}, {"x-auth-token: ", `\r\n`}, {`-H "X-Vault-Token: `, `"`},
		{"password: ", "\n"}, {"  - secret_key: ", "\n"}, {`  apiKey: "`, "\"\n"}, {"db:\n  password: ", " # of the database\n"},
		{"DB_PASSWORD=", "\n"}, {"export API_TOKEN='", "'\n"}, {`SECRET_KEY_BASE="`, "\"\n"}, {`{"text":"API_KEY=`, `\n"}`}, {`{"text":"x\nAPI_KEY=`, `\nY"}`},
		{`{"password":"`, `"}`}, {`{"clientSecret": "`, `"}`}, {`{\"accessToken\":\"`, `\"}`}, {`{\"x\":{\\\"auth_token\\\": \\\"`, `\\\"}`},
		{`config["api_key"] = "`, `"`}, {`:auth_token => '`, `'`}, {`const apiKey = "`, `";`}, {`password := "`, `"`}, {"secret = ", "\n"}, {"encryption_key=", " x"},
		{"signingKey=", ";"}, {"private-key: ", ""}, {"MY_APP_ACCESS_KEY=", "\n"}, {"credentials=", "\n"}, {"//registry.example.com/:_authToken=", "\n"}, {"//registry.example.com/:_password=", "\n"},
		{"<apiKey>", "</apiKey>"}, {"tool --api-key ", " x"}, {"tool --token '", "' x"}, {"machine h login me password ", "\n"},
		{`$apiToken .= "`, `"`}, {`API_TOKEN ?= "`, `"`}, {`API_TOKEN ::= "`, "\"\n"}, {`API_TOKEN :::= "`, `"`}, {`$this->apiToken ??= '`, `';`}, {`token ||= "`, `"`}, {"API_TOKEN ?= ", "\n"},
		{`var apiToken string = "`, `"`}, {`let apiToken: string = '`, `';`}, {`val apiToken: String = "`, `"`}, {`api_token: str = "`, `"`},
		{`System.setProperty("API_TOKEN", "`, `")`}, {`headers.set('X-Api-Key', '`, `')`}, {"<apiToken>\n    ", "\n</apiToken>"}, {"<apiToken>\r\n\t", "\r\n</apiToken>"},
		{`{"name": "API_TOKEN", "value": "`, `"}`}, {"- name: API_TOKEN\n  value: ", "\n"}, {"- name: \"API_TOKEN\"\n  value: '", "'\n"}, {`<add key="ApiKey" value="`, `"/>`}, {"{\n  \"key\": \"api_key\",\n  \"value\": \"", "\"\n}"},
		{"my.service.auth.token=", "\n"}, {":rubygems_api_key: ", "\n"}, {"  :secret_key: ", "\n"}, {"APIKEY=", "\n"}, {"userPassword=", "\n"},
	}
	for range 40 {
		v := value(r)
		for _, p := range places {
			got := runsOf(p.before + v + p.after)
			if len(got) != 1 || got[0].text != v {
				t.Errorf("in %q: %v", p.before+v+p.after, got)
			}
		}
		wantRun(t, "token="+v+"==&", "generic-secret", v+"==")
	}
}

func TestGenericSecretElsewhere(t *testing.T) {
	r := newRand(2)
	for range 40 {
		v := value(r)
		for _, p := range []frame{
			{"", ""}, {"id=", "&"}, {"page_token=", "&"}, {"nextPageToken\":\"", "\""}, {"token_id=", "\n"}, {"TOKEN_HASH=", "\n"}, {"password_hash: ", "\n"}, {"etag: ", "\n"},
			{`"integrity": "sha512-`, `"`}, {`"commit": "`, `"`}, {"sha256=", "\n"}, {"csrf_token=", "&"}, {"public_key=", "\n"}, {"publishableKey: ", "\n"}, {"token == ", "\n"}, {"token != \"", "\""},
			{"the token ", " is"}, {"the password ", " is"}, {"<b>token</b>", " "}, {"tool --commit ", " x"}, {"tool --token-id ", "\n"}, {"a->token", ""}, {"<keyId>", "</keyId>"}, {"key=", "\n"}, {"cache_key=", "\n"}, {"author=", "\n"}, {"passenger=", "\n"}, {"tokenizer=", "\n"}, {"monkey=", "\n"}, {"token_url=", "\n"}, {"credential_type=", "\n"},
			{`{"name": "API_URL", "value": "`, `"}`}, {`{"title": "API_TOKEN", "value": "`, `"}`}, {"- name: page_token\n  value: ", "\n"}, {"token\nvalue: ", "\n"}, {`"token", "`, `"`}, {`["token", "`, `"]`}, {`f("page_token", "`, `")`}, {`f(token, "`, `")`}, {`var page string = "`, `"`}, {"<b>token</b>\n ", "\n"}, {"a > token\n ", "\n"}, {`token >>= "`, `"`}, {"token=${", "}"}, {"token=", "()"}, {"token=", "[0]"}, {"token = ", " + 1"}, {`"token": `, "}"}, {"token: get ", "\n"}, {"token=", "$X"}, {"X-Request-Id: ", "\r\n"},
		} {
			wantNoRun(t, p.before, p.before+v+p.after)
		}
	}
	for _, v := range []string{
		"parser.nextTokenFromStream", "nextTokenFromStream2", "request.headers.authorization", "os.environ.get", "my-secret-token-name-1", "your-api-key-goes-here-123",
		"d2f1b7a0-8b5c-4c1e-9a59-0f7d3a9b2c11", "20240101120000123456", "/etc/ssl/private/server-2024.key", "./config/credentials.v2.yaml", "aaaaaaaaaaaaaaaaaaaaaaaa1",
		"0123456789abcdef0123456789", "AccessTokenResponseV2", "projects/p1/secrets/s1/versions/2", "vault.corp.internal.v1.kv2", "ABCDEFGHIJKLMNOP1234", "XXXXXXXXXXXXXXXXXXXX", "process.env.API_TOKEN_V2",
	} {
		for _, before := range []string{"token=", "password: ", `"secret": "`, "API_KEY="} {
			wantNoRun(t, before, before+v+map[bool]string{true: `"`, false: "\n"}[strings.HasSuffix(before, `"`)])
		}
	}
}

func TestSecretNames(t *testing.T) {
	for name, want := range map[string]bool{
		"token": true, "API_KEY": true, "apiKey": true, "api-key": true, "X-Api-Key": true, "APIKey": true, "clientSecret": true, "client_secret": true, "DB_PASSWORD": true, "passwd": true, "userPwd": true,
		"AWSSecretAccessKey": true, "secretAccessKey": true, "private_key": true, "signingKey": true, "encryption.key": true, "auth": true, "_auth": true, "authToken": true, "credentials": true, "SECRET_KEY_BASE": true, "DB_PASSWORD_1": true,
		"access_token": true, "refreshToken": true, "token_value": true, "password2": true, "GITHUB_TOKEN": true, "mypassword": true, "STRIPE_SECRET_KEY_LIVE": true, "webhookSecret": true, "PresharedKey": true,
		"key": false, "cacheKey": false, "primaryKey": false, "token_id": false, "tokenUrl": false, "token_type": false, "pageToken": false, "next_page_token": false, "publicKey": false, "author": false,
		"secretName": false, "passwordHash": false, "csrfToken": false, "keyboard": false, "monkey": false, "secretary": false, "token_sha256": false, "": false, "___": false, "id": false, "auth_url": false, "tokens_used": false, "max_tokens": false, "tokenCount": false,
	} {
		if got := namesSecret([]byte(name)); got != want {
			t.Errorf("namesSecret(%q) = %v", name, got)
		}
	}
	if namesSecret([]byte(strings.Repeat("token", 20))) {
		t.Error("a name without end is one")
	}
}

func TestEntropy(t *testing.T) {
	r := newRand(3)
	for range 500 {
		b := []byte(randText(r, "a-h", r.IntN(300)))
		counts := map[byte]float64{}
		for _, c := range b {
			counts[c]++
		}
		want := 0.0
		for _, n := range counts {
			p := n / float64(len(b))
			want -= p * math.Log2(p)
		}
		if got := entropy(b); math.Abs(got-want) > 1e-9 {
			t.Fatalf("entropy(%q) = %v, want %v", b, got, want)
		}
	}
}

// What generators make is random but for a few in a hundred.
func TestLooksRandom(t *testing.T) {
	r := newRand(4)
	for _, spec := range []string{"A-Za-z0-9", "a-z0-9", "A-Z0-9", "0-9a-f", "A-Za-z0-9+/", "A-Za-z0-9_-"} {
		for _, tt := range []struct{ length, least int }{{16, 90}, {20, 92}, {32, 98}, {64, 99}, {200, 99}} {
			ok := 0
			for range 1000 {
				if looksRandom([]byte(randText(r, spec, tt.length))) {
					ok++
				}
			}
			if ok < 10*tt.least {
				t.Errorf("%d of 1000 of %d of %s", ok, tt.length, spec)
			}
		}
	}
}

// Names of programs are no secrets, whatever they are assigned to.
func TestNamesAreNotRandom(t *testing.T) {
	words := strings.Fields(bip39List)
	r := newRand(5)
	random := 0
	const n = 5000
	for range n {
		var parts []string
		for range 3 + r.IntN(3) {
			parts = append(parts, words[r.IntN(len(words))])
		}
		name := strings.Join(parts, [...]string{"-", "_", ".", ""}[r.IntN(4)]) + randText(r, "0-9", r.IntN(3))
		if looksRandom([]byte(name)) {
			random++
		}
	}
	if random > n/50 {
		t.Errorf("%d of %d names", random, n)
	}
}

func TestXMLKey(t *testing.T) {
	r := newRand(6)
	for _, size := range []int{64, 128, 256, 512} {
		key := base64.StdEncoding.EncodeToString(randomBytes(r, size))
		in := "<RSAKeyValue><Modulus>x</Modulus><Exponent>AQAB</Exponent><P>abc</P><D>" + key + "</D></RSAKeyValue>"
		wantRun(t, in, "xml-private-key", key)
		wantRun(t, "<P>"+key+"</P><Q>", "xml-private-key", key)
		wantNoRun(t, "the public part", "<Modulus>"+key+"</Modulus>")
		wantNoRun(t, "a paragraph", "<P>"+strings.TrimRight(key, "=")+" more")
	}
}

func TestWebKey(t *testing.T) {
	r := newRand(7)
	d, x := randText(r, "A-Za-z0-9_-", 43), randText(r, "A-Za-z0-9_-", 43)
	for _, in := range []string{
		`{"kty":"EC","crv":"P-256","x":"` + x + `","d":"` + d + `"}`,
		`{"d": "` + d + `", "kty": "OKP"}`,
		`{\"kty\":\"EC\",\"d\":\"` + d + `\"}`,
	} {
		wantRun(t, in, "jwk-private-key", d)
	}
	wantNoRun(t, "a public key", `{"kty":"EC","x":"`+x+`","y":"`+d+`"}`)
	wantNoRun(t, "another d", `{"a":1,"d":"`+d+`"}`)
}

// An operator may be the first byte that there is.
func TestAssignmentAtTheStart(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"=", ":=", "?=", ".=", "|=", "::=", ":= ", "=>", ">", ",", ":"} {
		e.Scan([]byte(op + "q7Xb2LmP0vRt9ZkfJx3nT8wQyUo5sHc1dAe6VgBz\n"))
	}
}
