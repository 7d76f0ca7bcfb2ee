package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// profilePath is where AppArmor's profile for bottle goes.
const profilePath = "/etc/apparmor.d/bottle"

// FixAppArmor lets one binary make user namespaces where
// kernel.apparmor_restrict_unprivileged_userns=1 forbids them: it writes an
// AppArmor profile that names it, and loads it. Everything else stays
// restricted. It needs root, and returns the path of the profile. binary must
// be an absolute path that only root can write, or whoever can write there
// could have the same right for any program.
func FixAppArmor(ctx context.Context, binary string) (string, error) {
	return fixAppArmor(ctx, "/", binary, func(ctx context.Context, args ...string) error {
		out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
		}
		return nil
	})
}

func fixAppArmor(ctx context.Context, root, binary string, run func(context.Context, ...string) error) (string, error) {
	text, err := profileFor(binary)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, filepath.Dir(profilePath))
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("write an AppArmor profile: this host has no AppArmor: %w", err)
	}
	file := filepath.Join(root, profilePath)
	temp, err := os.CreateTemp(dir, ".bottle-*")
	if err != nil {
		return "", fmt.Errorf("write an AppArmor profile (as root): %w", err)
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	_, err = temp.WriteString(text)
	if err = errors.Join(err, temp.Chmod(0o644), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return "", fmt.Errorf("write an AppArmor profile: %w", err)
	}
	if err := run(ctx, "apparmor_parser", "--replace", file); err != nil {
		return "", fmt.Errorf("load the AppArmor profile %s: %w", file, err)
	}
	return file, nil
}

// profileFor is a profile for one binary that restricts nothing but gives it
// the right to user namespaces, as Ubuntu writes them for browsers.
func profileFor(binary string) (string, error) {
	if !filepath.IsAbs(binary) || filepath.Clean(binary) != binary {
		return "", fmt.Errorf("write an AppArmor profile: %q is not an absolute, clean path", binary)
	}
	// In a profile these are patterns, quotes and variables.
	if strings.ContainsAny(binary, "\"\\*?[]{}^@\n\r\t\x00") {
		return "", fmt.Errorf("write an AppArmor profile: %q has characters that mean something else in a profile; move the binary", binary)
	}
	return `# Written by "bottle doctor --fix". It lets this one program make user
# namespaces, which its sandboxes are made of, and restricts it no further.
abi <abi/4.0>,
include <tunables/global>

profile bottle "` + binary + `" flags=(unconfined) {
  userns,
}
`, nil
}

func profileExists(root string) bool {
	_, err := os.Stat(filepath.Join(root, profilePath))
	return err == nil
}
