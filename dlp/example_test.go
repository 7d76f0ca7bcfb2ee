package dlp_test

import (
	"fmt"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
)

// A whole text is scanned at once. Findings say where, and never what.
func ExampleEngine_Scan() {
	engine, err := dlp.New(dlp.Options{Known: []dlp.Known{{Name: "database", Value: "correct-horse-battery"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.Close()
	for _, f := range engine.Scan([]byte(`{"url": "postgres://app:correct-horse-battery@db/app"}`)) {
		fmt.Println(f.Rule, f.Name, "at", f.Offset)
	}
	// Output: known-secret database at 24
}

// Of a stream, what lies before Safe can go on: no byte of a match is among it.
func ExampleScanner() {
	engine, err := dlp.New(dlp.Options{Known: []dlp.Known{{Name: "token", Value: "correct-horse-battery"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	sc := engine.NewScanner()
	var findings []dlp.Finding
	for _, chunk := range []string{"the first words, then correct-ho", "rse-battery"} {
		findings = append(findings, sc.Write([]byte(chunk))...)
	}
	findings = append(findings, sc.Close()...)
	fmt.Println(len(findings), "finding at", findings[0].Offset)
	// Output: 1 finding at 22
}

// A Redactor copies a stream with a marker in the place of what is found.
func ExampleRedactor() {
	engine, err := dlp.New(dlp.Options{Known: []dlp.Known{{Name: "token", Value: "correct-horse-battery"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := dlp.NewRedactor(engine.NewScanner(), dlp.RedactOptions{Decide: func(dlp.Finding) dlp.Action { return dlp.Redact }})
	out, _, err := r.Write(nil, []byte("token=correct-horse-battery\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if out, _, err = r.Close(out); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.HasPrefix(string(out), "token="+dlp.MarkerPrefix(dlp.RuleKnown)))
	// Output: true
}
