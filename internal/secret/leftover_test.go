package secret

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/filelock"
)

// killedEnv names the client whose login, in the working directory, the test's own
// process renews until it is killed.
const killedEnv = "BOTTLE_TEST_KILLED"

// killedLogin is a login of either client whose token has ended.
type killedLogin struct {
	client, file  string
	before, after string // its file, and the file of a renewal
	value         string // that is renewed
	provider      *provider
}

func killedLoginOf(client, home string) *killedLogin {
	ends := loginStart.Add(time.Hour)
	if client == LoginClaude {
		return &killedLogin{client, filepath.Join(home, ".credentials.json"), claudeDoc(0, loginStart.Add(-time.Minute)),
			claudeDoc(1, loginStart.Add(8*time.Hour)), accessToken(1), &provider{answers: []func(int) (int, string){granted}}}
	}
	before := codexDoc(0, loginStart.Add(-time.Minute))
	after := strings.NewReplacer(codexToken(0, loginStart.Add(-time.Minute)), codexToken(1, ends), `"r-0"`, `"r-1"`,
		"2026-07-01T00:00:00.123456789Z", "2026-07-01T12:00:00Z").Replace(before)
	return &killedLogin{client, filepath.Join(home, "auth.json"), before, after, codexToken(1, ends),
		&provider{answers: []func(int) (int, string){answer(200, `{"access_token":"`+codexToken(1, ends)+`","refresh_token":"r-1"}`)}}}
}

func (k *killedLogin) secret(t *testing.T, warned *[]string) *Secret {
	dir := filepath.Dir(k.file)
	return mustNew(t, Source{Login: k.client}, Options{LookupEnv: env(map[string]string{"CLAUDE_CONFIG_DIR": dir, "CODEX_HOME": dir}),
		Now: func() time.Time { return loginStart }, LockDir: filepath.Dir(dir), Transport: k.provider,
		Warn: func(s string) { *warned = append(*warned, s) }})
}

// TestRenewalThatIsKilled kills a process when the provider has renewed its login and
// the file is about to be replaced.
func TestRenewalThatIsKilled(t *testing.T) {
	for _, client := range Logins() {
		if os.Getenv(killedEnv) == client {
			renewAndDie(t, client)
		}
	}
	for _, client := range Logins() {
		for _, tail := range []string{"", "\x00\x00\x00"} { // before the file is cut, too
			t.Run(client+strings.Repeat(" with room", len(tail)/3), func(t *testing.T) {
				home := filepath.Join(t.TempDir(), "home")
				k := killedLoginOf(client, home)
				if err := errors.Join(os.Mkdir(home, 0o700), os.WriteFile(k.file, []byte(k.before), 0o600)); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestRenewalThatIsKilled$")
				cmd.Dir, cmd.Env = home, append(os.Environ(), killedEnv+"="+client)
				out, err := cmd.CombinedOutput()
				if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || ws.Signal() != syscall.SIGKILL || ctx.Err() != nil {
					t.Fatalf("the process was not killed where it should be: %v\n%s", err, out)
				}
				if b, err := os.ReadFile(k.file); err != nil || string(b) != k.before {
					t.Fatalf("%v: the client's file is now %s", err, b)
				}
				left, err := filepath.Glob(filepath.Join(home, "*.bottle-*"))
				if err != nil || len(left) != 1 {
					t.Fatalf("left are %q, %v", left, err)
				}
				appendTo(t, left[0], tail)
				var warned []string
				// The provider knows the old one no more: it is not to be asked.
				if v, err := k.secret(t, &warned).Value(t.Context()); err != nil || v != k.value || k.provider.count() != 0 {
					t.Errorf("%q, %v after %d requests", v, err, k.provider.count())
				}
				if b, err := os.ReadFile(k.file); err != nil || string(b) != k.after {
					t.Errorf("%v: the file is\n%s\nwant\n%s", err, b, k.after)
				}
				if entries, err := os.ReadDir(home); err != nil || len(entries) != 1 {
					t.Errorf("beside it are %v, %v", entries, err)
				}
				if len(warned) != 1 || !strings.Contains(warned[0], "was killed before it was kept") {
					t.Errorf("warned %q", warned)
				}
			})
		}
	}
}

func renewAndDie(t *testing.T, client string) {
	home, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	k := killedLoginOf(client, home)
	var warned []string
	s := k.secret(t, &warned)
	s.login.store = fileStore{path: k.file, written: func() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}}
	v, err := s.Value(t.Context())
	t.Fatalf("it lives on with %q, %v", v, err)
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestLeftoversOfRenewals: what is left counts only while the client's file has the
// token that was renewed, and is never left lying when it does not.
func TestLeftoversOfRenewals(t *testing.T) {
	later := loginStart.Add(time.Hour)
	renewed := claudeDoc(1, loginStart.Add(8*time.Hour))
	tests := []struct {
		name    string
		left    string                            // what is left of the renewal of token 0
		since   func(t *testing.T, h *claudeHost) // what happened then
		file    string                            // of the client in the end; "" is none
		stays   bool                              // the leftover does
		errText string
	}{
		{"nothing was written yet", strings.Repeat("\x00", 100), nil, claudeDoc(0, later), false, ""},
		{"half of it was written", renewed[:100], nil, claudeDoc(0, later), false, ""},
		{"it has no token to renew it with", strings.ReplaceAll(renewed, refreshToken(1), ""), nil, claudeDoc(0, later), false, ""},
		{"it is whole", renewed, nil, renewed, false, ""},
		{"the client wrote something else", renewed, func(t *testing.T, h *claudeHost) {
			h.write(t, strings.Replace(claudeDoc(0, later), `{"x":1}`, `{"x":2}`, 1))
		}, strings.Replace(renewed, `{"x":1}`, `{"x":2}`, 1), false, ""},
		{"somebody logged in, for less long", renewed, func(t *testing.T, h *claudeHost) { h.write(t, claudeDoc(7, loginStart)) }, claudeDoc(7, loginStart), false, ""},
		{"somebody logged out", renewed, func(t *testing.T, h *claudeHost) { h.write(t, `{}`) }, `{}`, false, ""},
		{"the file is gone", renewed, func(t *testing.T, h *claudeHost) {
			if err := os.Remove(h.file); err != nil {
				t.Fatal(err)
			}
		}, "", false, ""},
		{"the client is writing", renewed, func(t *testing.T, h *claudeHost) { h.write(t, renewed[:50]) }, renewed[:50], true, ""},
		{"the file was made read-only", renewed, func(t *testing.T, h *claudeHost) {
			if err := os.Chmod(h.file, 0o400); err != nil {
				t.Fatal(err)
			}
		}, claudeDoc(0, later), true, "read-only: chmod u+w it"},
		{"its process lives", renewed, func(t *testing.T, h *claudeHost) {
			f, err := os.Open(leftOf(t, h))
			if err == nil {
				err = filelock.Lock(f)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
		}, claudeDoc(0, later), true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newClaudeHost(t, time.Hour, granted)
			name := filepath.Join(filepath.Dir(h.file), leftoverPrefix(h.file)+hashToken(accessToken(0))+"-123")
			if err := os.WriteFile(name, []byte(tt.left), 0o600); err != nil {
				t.Fatal(err)
			}
			if tt.since != nil {
				tt.since(t, h)
			}
			err := h.bottle(t).Recover()
			if (err != nil) != (tt.errText != "") || err != nil && !strings.Contains(err.Error(), tt.errText) {
				t.Errorf("%v, want %q", err, tt.errText)
			}
			if b, err := os.ReadFile(h.file); string(b) != tt.file || err != nil && tt.file != "" {
				t.Errorf("%v: the file is\n%s\nwant\n%s", err, b, tt.file)
			}
			if _, err := os.Stat(name); (err == nil) != tt.stays {
				t.Errorf("the leftover: %v", err)
			}
			if h.provider.count() != 0 {
				t.Error("the provider was asked")
			}
		})
	}
}

func leftOf(t *testing.T, h *claudeHost) string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(h.home, ".claude", "*.bottle-*"))
	if err != nil || len(left) != 1 {
		t.Fatalf("left are %q, %v", left, err)
	}
	return left[0]
}
