package dlp

import (
	"fmt"
	"strings"
	"testing"
)

// TestKeysAreFoundInFilesThatAreShown: programs put numbers and signs in front of lines,
// and a key is one all the same, however its bytes come.
func TestKeysAreFoundInFilesThatAreShown(t *testing.T) {
	line := "MC4CAQAwBQYDK2VwBCIEIKp3Qm9xT7yR2vL5nW8sZ1fH6jD4gB0aXcVeUiOpAs3k"
	engine, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%d→", "    %d→", "    %d\t", "%d-", "%d:", "%d| ", "+", "-", "> ", "# ", "%d\\u2192", "%d\\t", " * "} {
		for _, end := range []string{"\n", `\n`, "\r\n"} {
			text := ""
			for i, l := range []string{"-----BEGIN " + "PRIVATE KEY-----", line, line, "-----END " + "PRIVATE KEY-----"} {
				text += strings.ReplaceAll(format, "%d", fmt.Sprint(i+98)) + l + end
			}
			for cut := 0; cut < len(text); cut += 5 {
				sc := engine.NewScanner()
				found := append([]Finding(nil), sc.Write([]byte(text[:cut]))...)
				found = append(append(found, sc.Write([]byte(text[cut:]))...), sc.Close()...)
				if len(found) == 0 || found[0].Rule != "private-key" {
					t.Fatalf("%q cut at %d: %v", text, cut, found)
				}
			}
		}
	}
	for _, text := range []string{
		"98→-----BEGIN " + "PRIVATE KEY-----\n99→words of a page about it, which are none",
		"-----BEGIN " + "PRIVATE KEY-----\n" + strings.Repeat(" 1→", 20) + line,
	} {
		sc := engine.NewScanner()
		if found := append(sc.Write([]byte(text)), sc.Close()...); len(found) > 0 {
			t.Errorf("%q: %v", text, found)
		}
	}
}
