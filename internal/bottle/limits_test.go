package bottle

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/vm"
)

func TestLimitsAreSaidAsPeopleWriteThem(t *testing.T) {
	var out bytes.Buffer
	b := &Bottle{log: slog.New(slog.NewTextHandler(&out, nil))}
	b.sayLimits([]vm.Limit{
		{Resource: "memory", Wanted: "4294967296", Scope: vm.ScopeProcess, Detail: "why"},
		{Resource: "memory", Wanted: "1610612736", Scope: vm.ScopeNone, Detail: "why"},
		{Resource: "cpus", Wanted: "0.5", Scope: vm.ScopeNone, Detail: "why"},
		{Resource: "pids", Wanted: "98765", Scope: vm.ScopeMachine},
	})
	for _, want := range []string{"4 GiB of memory holds for each of its processes alone: why", "1.5 GiB of memory is not kept", "0.5 cpus is not kept: why"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "98765") {
		t.Errorf("a limit that holds is warned of:\n%s", &out)
	}
}
