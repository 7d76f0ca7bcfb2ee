package bottle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/mitm"
	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/sandbox"
)

// withStores is a machine that says that it has stores of its own.
type withStores struct {
	vm.Machine
	stores []string
}

func (m withStores) Stores() []string { return m.stores }

// TestProveTrust: a bottle whose clients do not trust the proxy is not launched, and
// the proof leaves nothing in the journal.
func TestProveTrust(t *testing.T) {
	p := newProject(t)
	prepared, err := Prepare(t.Context(), p.options(p.trusted("supervise: false\n"), sandbox.New(sandbox.Options{})))
	if err != nil {
		t.Fatal(err)
	}
	b, err := prepared.Launch(t.Context()) // which proves it
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	if n := b.journal.counts(); len(n) != 0 && n["allow"]+n["deny"] != 0 {
		t.Errorf("the proof is counted: %v", n)
	}
	other, err := mitm.NewAuthority(mitm.Options{Name: "another"})
	if err != nil {
		t.Fatal(err)
	}
	guest := filepath.Join(b.dir, guestDir)
	for name, text := range map[string][]byte{"other.pem": other.CertificatePEM(), "none.pem": []byte("no certificate\n")} {
		if err := os.WriteFile(filepath.Join(guest, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	machine := b.machine
	defer func() { b.machine = machine }()
	for name, want := range map[string]string{
		caName: "", "other.pem": "unknown authority", "none.pem": "no certificate", "missing.pem": "cannot read it",
	} {
		store := guestTarget + "/" + name
		b.machine = withStores{machine, []string{store}}
		err := b.proveTrust(t.Context())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), store)) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}
