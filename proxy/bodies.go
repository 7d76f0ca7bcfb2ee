package proxy

// BodyStore keeps the bodies of exchanges, where Config.RecordBodies says so.
type BodyStore interface {
	// KeepBody keeps a body, from which all that the scanner finds was taken, and
	// says where it is. It does not hold on to the text, and is called by one
	// goroutine at a time.
	KeepBody(text []byte) (BodyPlace, error)
}

// BodyPlace is where a BodyStore has a body, and what it is there.
type BodyPlace struct {
	File   string `json:"file,omitempty"`
	Offset int64  `json:"offset,omitempty"` // in the file
	Length int    `json:"length,omitempty"`
	SHA256 string `json:"sha256,omitempty"` // in hex
}

// EventBody is a body that was recorded, or why it was not.
type EventBody struct {
	// Type is its Content-Type, redacted.
	Type string `json:"type,omitempty"`
	// Size is the bytes that it has without its Content-Encoding; 0 where that is
	// not known, since it was not read to its end.
	Size int64 `json:"size,omitempty"`
	BodyPlace
	// Redacted counts what was replaced in it by a marker.
	Redacted int `json:"redacted,omitempty"`
	// Cut says that only its beginning is kept.
	Cut bool `json:"cut,omitempty"`
	// Missing says why nothing of it is kept.
	Missing string `json:"missing,omitempty"`
}
