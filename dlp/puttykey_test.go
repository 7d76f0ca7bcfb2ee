package dlp

import (
	"fmt"
	"strings"
	"testing"
)

func puttySample(version int, encryption, lineBreak string) string {
	r := newRand(uint64(version))
	lines := []string{
		puttyMagic + fmt.Sprint(version) + ": ssh-ed25519", "Encryption: " + encryption, "Comment: eddsa-key-20240101", "Public-Lines: 2",
		from(r, "A-Za-z0-9+/", 64), from(r, "A-Za-z0-9+/", 44), "Private-Lines: 1", from(r, "A-Za-z0-9+/", 44), "Private-MAC: " + from(r, "0-9a-f", 64), "",
	}
	return strings.Join(lines, lineBreak)
}

func TestPuTTYKeys(t *testing.T) {
	for _, version := range []int{1, 2, 3} {
		for _, encryption := range []string{"none", "aes256-cbc"} {
			for _, lineBreak := range []string{"\n", "\r\n", `\n`, `\r\n`} {
				text := []byte(puttySample(version, encryption, lineBreak))
				start, end, v := puttyKey(text, len(puttyMagic), true)
				if v != match || start != 0 || !strings.HasSuffix(string(text[:end]), privateTag) {
					t.Errorf("puttyKey(%q) = %d, %d, %v", text, start, end, v)
				}
				// Whatever is there of it, it asks for more until it is one, and
				// without more it is none.
				for n := len(puttyMagic); n < len(text); n++ {
					want, last := more, miss
					if n >= end {
						want, last = match, match
					}
					if _, _, v := puttyKey(text[:n], len(puttyMagic), false); v != want {
						t.Fatalf("puttyKey of %d bytes = %v, want %v", n, v, want)
					}
					if _, _, v := puttyKey(text[:n], len(puttyMagic), true); v != last {
						t.Fatalf("puttyKey of the last %d bytes = %v, want %v", n, v, last)
					}
				}
			}
		}
	}
	for name, in := range map[string]string{
		"prose":           "The file starts with " + puttyMagic + "2: and the kind of the key. " + strings.Repeat("It has more lines. ", 20),
		"another version": strings.Replace(puttySample(2, "none", "\n"), "-2:", "-7:", 1),
		"a public part":   puttySample(2, "none", "\n")[:150],
		"far behind":      puttyMagic + "2: ssh-rsa\nEncryption: none\n" + strings.Repeat("a", maxPutty) + privateTag,
	} {
		at := strings.Index(in, puttyMagic)
		if _, _, v := puttyKey([]byte(in)[at:], len(puttyMagic), true); v != miss {
			t.Errorf("%s: %v", name, v)
		}
	}
}
