package secret

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/zalando/go-keyring"
)

// splitEntry takes SERVICE/ACCOUNT apart.
func splitEntry(entry string) (service, account string) {
	i := strings.LastIndexByte(entry, '/')
	if i < 0 {
		return "", ""
	}
	return entry[:i], entry[i+1:]
}

func validEntry(entry string) bool {
	service, account := splitEntry(entry)
	return service != "" && account != "" && !strings.ContainsAny(entry, "\x00\n")
}

// keyringEntry asks the host's keyring, which may ask the person. One who does not
// answer leaves the question on the screen, and no request waits longer for it than
// for a command.
func (s *Secret) keyringEntry(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.source.Timeout)
	defer cancel()
	service, account := splitEntry(s.source.Keyring)
	type answer struct {
		value string
		err   error
	}
	got := make(chan answer, 1)
	go func() {
		v, err := keyring.Get(service, account)
		got <- answer{v, err}
	}()
	select {
	case a := <-got:
		switch {
		case errors.Is(a.err, keyring.ErrNotFound):
			return "", fmt.Errorf("the keyring has no entry of the service %q with the account %q: store it there, or name another source under from", service, account)
		case a.err != nil:
			return "", fmt.Errorf("the keyring of this host cannot be used: %w", a.err)
		}
		if err := usable(a.value); err != nil {
			return "", fmt.Errorf("the keyring's entry: %w", err)
		}
		return a.value, nil
	case <-ctx.Done():
		return "", fmt.Errorf("the keyring did not answer within %s: is it locked? Unlock it, or name another source under from", s.source.Timeout)
	}
}
