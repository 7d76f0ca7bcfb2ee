package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/pelletier/go-toml/v2"
)

// Format is that of a file of settings, of which a plan owns some keys only: others
// that a file has which is there already are kept.
type Format string

// The formats.
const (
	JSON Format = "json"
	TOML Format = "toml"
)

// render writes settings as a file.
func (f Format) render(settings map[string]any) (string, error) {
	var b bytes.Buffer
	if f == TOML {
		err := toml.NewEncoder(&b).Encode(settings)
		return b.String(), err
	}
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(settings)
	return b.String(), err
}

// parse reads such a file.
func (f Format) parse(text []byte) (settings map[string]any, err error) {
	if f == TOML {
		err = toml.Unmarshal(text, &settings)
		return settings, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // as they are written
	if err = dec.Decode(&settings); err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return settings, nil
		}
		err = errors.New("something stands behind the first value")
	}
	return nil, err
}

// merge puts the settings of a plan into a file that is there. One that has them
// already stays as it is to the byte, with its comments; in one that is written anew
// they are lost.
func (f Format) merge(own string, there []byte) (string, error) {
	settings, err := f.parse(there)
	if err != nil {
		return "", err
	}
	mine, err := f.parse([]byte(own))
	if err != nil {
		return "", fmt.Errorf("the plan's own settings: %w", err)
	}
	merged := over(settings, mine)
	if reflect.DeepEqual(merged, settings) {
		return string(there), nil
	}
	return f.render(merged)
}

// over lays settings over others: tables by their keys, all else as a whole.
func over(base, top map[string]any) map[string]any {
	out := make(map[string]any, len(base)+len(top))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range top {
		below, isTable := out[k].(map[string]any)
		table, areBoth := v.(map[string]any)
		if isTable && areBoth {
			v = over(below, table)
		}
		out[k] = v
	}
	return out
}
