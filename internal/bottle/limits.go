package bottle

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bot-bottle/bottle/vm"
)

// sayLimits tells the operator which limits do not hold for the bottle as a
// whole. What to do about it is in their details.
func (b *Bottle) sayLimits(limits []vm.Limit) {
	for _, l := range limits {
		if l.Scope == vm.ScopeMachine {
			continue
		}
		does := "holds for each of its processes alone"
		if l.Scope == vm.ScopeNone {
			does = "is not kept"
		}
		b.log.Warn(fmt.Sprintf("the limit of %s %s: %s", wantedText(l), does, l.Detail))
	}
}

// wantedText renders a limit as people write it.
func wantedText(l vm.Limit) string {
	if n, err := strconv.ParseInt(l.Wanted, 10, 64); err == nil && (l.Resource == "memory" || l.Resource == "disk") {
		return size(n) + " of " + l.Resource
	}
	return l.Wanted + " " + l.Resource
}

// size renders a number of bytes.
func size(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	v, exp := float64(n)/unit, 0
	for v >= unit && exp < 3 {
		v, exp = v/unit, exp+1
	}
	return strings.Replace(fmt.Sprintf("%.1f %ciB", v, "KMGT"[exp]), ".0 ", " ", 1)
}
