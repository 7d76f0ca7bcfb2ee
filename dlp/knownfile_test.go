package dlp_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	cryptorand "crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bot-bottle/bottle/dlp"
)

func TestKnownFromFile(t *testing.T) {
	v := func(seed uint64) string { return random(seed, alnum, 24) }
	basic := base64.StdEncoding.EncodeToString([]byte("bob:" + v(30)))
	tests := []struct {
		name, path, text string
		want             []string // NAME=VALUE
	}{
		{"dotenv", "/p/.env", "# comment\nAPI_KEY=" + v(1) + "\nexport TOKEN='" + v(2) + "' # mine\nDB_PASSWORD=\"hunter\\\"2x\"\nPORT=3000\nNODE_ENV=production\nURL=https://api.corp.io/v1/some/path\nSEED=" + v(3) + "\nGREETING=hello to all of you\nDIR=/usr/local/share/some/dir\n",
			[]string{"file .env: API_KEY=" + v(1), "file .env: TOKEN=" + v(2), "file .env: DB_PASSWORD=hunter\"2x", "file .env: SEED=" + v(3)}},
		{"the password of a URL", ".env.local", "DATABASE_URL=postgres://app:" + v(4) + "@db.corp.io:5432/app\nREDIS_URL=redis://:p%40ssw0rd12@cache\n",
			[]string{"file .env.local: DATABASE_URL=" + v(4), "file .env.local: REDIS_URL=p%40ssw0rd12", "file .env.local: REDIS_URL=p@ssw0rd12"}},
		{"netrc", "/home/u/.netrc", "machine api.corp.io\n  login me\n  password " + v(5) + "\ndefault login x password " + v(6) + "\n",
			[]string{"file .netrc: api.corp.io=" + v(5), "file .netrc: api.corp.io=" + v(6)}},
		{"AWS", "/home/u/.aws/credentials", "[default]\naws_access_key_id = AKIA" + random(7, "A-Z2-7", 16) + "\naws_secret_access_key = " + v(8) + "\nregion = eu-central-1\n[work]\naws_session_token=" + v(9) + "\n",
			[]string{"file credentials: default.aws_secret_access_key=" + v(8), "file credentials: work.aws_session_token=" + v(9)}},
		{"npm", ".npmrc", "//registry.example.org/:_authToken=" + v(10) + "\nregistry=https://registry.example.org/\n//old.example.org/:_auth=" + basic + "\n",
			[]string{"file .npmrc: //registry.example.org/:_authToken=" + v(10), "file .npmrc: //old.example.org/:_auth=" + basic, "file .npmrc: //old.example.org/:_auth=" + v(30)}},
		{"Python", ".pypirc", "[pypi]\nusername = __token__\npassword = " + v(11) + "\n", []string{"file .pypirc: pypi.password=" + v(11)}},
		{"Docker", ".docker/config.json", `{"auths":{"ghcr.io":{"auth":"` + basic + `"}},"credsStore":"desktop"}`,
			[]string{"file config.json: auths.ghcr.io.auth=" + basic, "file config.json: auths.ghcr.io.auth=" + v(30)}},
		{"JSON", "settings.json", `{"a":{"client_secret":"` + v(12) + `","auth_uri":"https://accounts.example.com/o/oauth2/auth"},"list":["` + v(13) + `","words only"],"n":12345678}`,
			[]string{"file settings.json: a.client_secret=" + v(12), "file settings.json: list.0=" + v(13)}},
		{"YAML", "config.yaml", "db:\n  host: db.internal.corp.io\n  password: " + v(14) + "\n  tokens:\n    - name: \"" + v(15) + "\"\n",
			[]string{"file config.yaml: password=" + v(14), "file config.yaml: name=" + v(15)}},
		{"one token", "/p/token.txt", v(16) + "\n", []string{"file token.txt=" + v(16)}},
		{"one token in base64", "token", "dG9rZW4tb2YtdGhlLWZpbGU=\n", []string{"file token=dG9rZW4tb2YtdGhlLWZpbGU="}},
		{"one token with digits in their order", "token", "acme_0123456789abcdef0123\n", []string{"file token=acme_0123456789abcdef0123"}},
		{"one URL", "url", "postgres://app:" + v(17) + "@db.corp.io/app\n", []string{"file url=" + v(17)}},
		{"URLs of git", ".git-credentials", "https://me:" + v(19) + "@git.corp.io\nhttps://me:" + v(20) + "@code.corp.io\n", []string{"file .git-credentials=" + v(19), "file .git-credentials=" + v(20)}},
		{"one assignment", ".env", "API=" + v(18), []string{"file .env: API=" + v(18)}},
		{"names that say little", ".env", "DATABASE_PW=correct1horse2\nAPI=0b8f4a52-93c1-4f5e-8a77-2d0c1be4f6a9\nX=Some-Winter-Morning-7\nHOST=db.internal.corp.io:5432\nMAIL=ops@corp.io\nMODE=production,staging,preview\n",
			[]string{"file .env: DATABASE_PW=correct1horse2", "file .env: API=0b8f4a52-93c1-4f5e-8a77-2d0c1be4f6a9", "file .env: X=Some-Winter-Morning-7"}},
		{"an example", ".env", "API_KEY=your-api-key-here\n", nil},
		{"nothing", ".env", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			known, err := dlp.KnownFromFile(tt.path, strings.NewReader(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, k := range known {
				got = append(got, k.Name+"="+k.Value)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if _, err := dlp.New(dlp.Options{Known: known, Sessions: true}); err != nil {
				t.Error(err)
			}
		})
	}
}

// Of a private key, the public part may be sent: it is in the public key too.
func TestKnownFromKeys(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(cryptorand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	for name, der := range map[string][]byte{"RSA PRIVATE KEY": x509.MarshalPKCS1PrivateKey(rsaKey), "PRIVATE KEY": pkcs8(ecKey), "ED PRIVATE KEY": pkcs8(edKey)} {
		text := string(pem.EncodeToMemory(&pem.Block{Type: name, Bytes: der}))
		for _, file := range []string{text, "KEY=\"" + text + "\"\n", "KEY=\"" + strings.ReplaceAll(text, "\n", `\n`) + "\"\n", `{"private_key":"` + strings.ReplaceAll(text, "\n", `\n`) + `"}`} {
			known, err := dlp.KnownFromFile("id", strings.NewReader(file))
			if err != nil || len(known) == 0 {
				t.Fatalf("%s: %d values, %v", name, len(known), err)
			}
			e := sessionEngine(t, known...)
			lines := strings.Split(text, "\n")
			line := lines[max(1, len(lines)-4)]
			if got := ruleLines(e.Scan([]byte("see " + line + "."))); len(got) != 1 || !strings.HasPrefix(got[0], "known-secret file id: ") {
				t.Errorf("%s: a line is found as %v", name, got)
			}
			public, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
			if err != nil {
				t.Fatal(err)
			}
			if got := sendIn(e, dlp.NewSession(e), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})), 4096); len(got) > 0 {
				t.Errorf("%s: its public key is found as %v", name, ruleLines(got))
			}
		}
	}
}

func TestKnownFromFileRefuses(t *testing.T) {
	secret := random(1, alnum, 24)
	tests := []struct{ name, path, text, want string }{
		{"too much", ".env", strings.Repeat("A=1\n", dlp.MaxKnownFile/4+1), "more than 1024 KiB"},
		{"no text", ".env", "A=\xff" + secret, "no text in UTF-8"},
		{"damaged JSON", "a.json", `{"token":"` + secret + `",,}`, "no JSON at byte"},
		{"too many values", ".env", func() string {
			var b strings.Builder
			for i := range uint64(1100) {
				b.WriteString("K_TOKEN=" + random(i, alnum, 20) + "\n")
			}
			return b.String()
		}(), "more than 1024 values"},
		{"JSON that is deep", "a.json", strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), "nested too deeply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := dlp.KnownFromFile(tt.path, strings.NewReader(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.path) || strings.Contains(err.Error(), secret) {
				t.Errorf("KnownFromFile = %v, want it to say %q", err, tt.want)
			}
		})
	}
	broken := errors.New("broken")
	if _, err := dlp.KnownFromFile(".env", iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("KnownFromFile = %v", err)
	}
}
