package dlp

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

func TestKnownSecretsAreCutWhereTheyAreSeparated(t *testing.T) {
	value := "abc/def-ghi/" + "Kq9?~x2??>>7?vB8" // of which base64 has slashes
	engine, err := New(Options{Known: []Known{
		{Name: "path", Value: value}, {Name: "none", Value: "correct-horse-battery"},
		{Name: "placeholder", Value: "ph/older-text-1234", Kind: KnownPlaceholder},
	}})
	if err != nil {
		t.Fatal(err)
	}
	list := engine.NewScanner().Separated("/")
	has := func(text string) bool {
		return slices.ContainsFunc(list, func(parts []string) bool { return strings.Join(parts, "/") == text && len(parts) > 1 })
	}
	encoded := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(value)), "=")
	if !strings.Contains(encoded, "/") {
		t.Fatal("the example has no slash in base64")
	}
	if !has(value) || !has(encoded[:len(encoded)-1]) && !has(encoded) {
		t.Errorf("%q", list)
	}
	for _, parts := range list {
		if text := strings.Join(parts, "/"); strings.Contains(text, "older") || strings.Contains(text, "horse") {
			t.Errorf("%q is among them", text)
		}
	}
}
