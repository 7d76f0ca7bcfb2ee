package sandbox

import (
	"context"
	"testing"

	"github.com/bot-bottle/bottle/vm"
)

// From nothing to a machine, and to nothing again.
func BenchmarkMachine(b *testing.B) {
	for b.Loop() {
		m, err := New(Options{}).Create(context.Background(), vm.Spec{ID: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCommand(b *testing.B) {
	m := newMachine(b, Options{}, vm.Spec{})
	for b.Loop() {
		p, err := m.Start(context.Background(), vm.Command{Args: []string{"true"}})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}
