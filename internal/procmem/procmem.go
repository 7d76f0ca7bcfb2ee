// Package procmem says how much memory a process has, for tests and benchmarks.
package procmem

import (
	"fmt"
	"os"
	"strings"
)

// Read returns a number of bytes in a line of /proc/PID/status (proc(5)), as VmHWM, the
// most that was resident, or VmRSS. The error wraps fs.ErrNotExist where there is no such
// file, as on systems other than Linux.
func Read(pid int, key string) (size int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			if _, err := fmt.Sscanf(rest, "%d kB", &size); err != nil {
				return 0, fmt.Errorf("%s of process %d: %w", key, pid, err)
			}
			return size << 10, nil
		}
	}
	return 0, fmt.Errorf("the status of process %d has no %s", pid, key)
}
