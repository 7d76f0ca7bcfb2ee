package secret

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"
)

// TestKeyring runs with the library's own mock: a keyring needs a desktop.
func TestKeyring(t *testing.T) {
	keyring.MockInit()
	if err := keyring.Set("example.com/api", "joe", goodValue); err != nil {
		t.Fatal(err)
	}
	c := &clock{now: time.Unix(1e9, 0)}
	s := mustNew(t, Source{Keyring: "example.com/api/joe"}, Options{Now: c.Now})
	for range 2 {
		if v, err := s.Value(t.Context()); err != nil || v != goodValue {
			t.Errorf("%q, %v", v, err)
		}
		// It was asked once, and is used for a while.
		if err := keyring.Set("example.com/api", "joe", "another-value-1234"); err != nil {
			t.Fatal(err)
		}
	}
	c.advance(DefaultTTL)
	if v, err := s.Value(t.Context()); err != nil || v != "another-value-1234" {
		t.Errorf("%q, %v", v, err)
	}
	if _, err := mustNew(t, Source{Keyring: "example.com/ann"}, Options{}).Value(t.Context()); err == nil || !strings.Contains(err.Error(), `no entry of the service "example.com" with the account "ann"`) {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"joe", "/joe", "service/"} {
		if _, err := New("mine", Source{Keyring: bad}, Options{}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestKeychain has a script in the place of macOS's security.
func TestKeychain(t *testing.T) {
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept")
	script := writeFile(t, "security", `#!/bin/sh
if [ "$1" = -i ]; then cat > '`+kept+`'; exit; fi
[ "$*" = "find-generic-password -a joe -w -s Claude Code-credentials" ] || exit 1
[ -e '`+kept+`' ] || exit 44
sed 's/.*-X "\([0-9a-f]*\)"/\1/' '`+kept+`'
`, 0o700)
	k := keychain{service: "Claude Code-credentials", program: script, opts: &Options{LookupEnv: env(map[string]string{"USER": "joe"})}}
	if _, err := k.read(); !os.IsNotExist(err) {
		t.Errorf("an entry that is not there: %v", err)
	}
	save, closeIt, err := k.prepare(0, "")
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt()
	doc := claudeDoc(0, loginStart)
	if err := save([]byte(doc)); err != nil {
		t.Fatal(err)
	}
	if got, err := k.read(); err != nil || string(got) != doc {
		t.Errorf("%s, %v", got, err)
	}
}

// An entry that security could not read in one line is refused before the provider is
// asked, which would end the login that is there.
func TestAKeychainEntryThatIsTooLong(t *testing.T) {
	for _, tt := range []struct {
		name string
		pad  int
		fits bool
	}{{"a short one", 0, true}, {"a long one", 1900, false}} {
		t.Run(tt.name, func(t *testing.T) {
			kept := writeFile(t, "kept", strings.Replace(claudeDoc(0, loginStart), "{", `{"pad":"`+strings.Repeat("x", tt.pad)+`",`, 1), 0o600)
			script := writeFile(t, "security", "#!/bin/sh\nif [ \"$1\" = -i ]; then cat > /dev/null; exit; fi\ncat '"+kept+"'\n", 0o700)
			asked := 0
			opts := Options{
				LookupEnv: env(map[string]string{"USER": "joe", "HOME": t.TempDir()}), Now: func() time.Time { return loginStart.Add(24 * time.Hour) }, LockDir: t.TempDir(),
				Transport: roundTripper(func(*http.Request) (*http.Response, error) {
					asked++
					return nil, errors.New("nobody is there")
				}),
			}
			opts.fill()
			l, err := newLogin(LoginClaude, &opts)
			if err != nil {
				t.Fatal(err)
			}
			l.store = keychain{service: "Claude Code-credentials", program: script, opts: &opts}
			_, err = l.renew(t.Context(), "another")
			if (asked == 1) != tt.fits || !tt.fits && !errors.Is(err, errKeychainLine) {
				t.Errorf("the provider was asked %d times: %v", asked, err)
			}
			if _, err := l.check(); tt.fits == errors.Is(err, errKeychainLine) {
				t.Errorf("the doctor says %v", err)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
