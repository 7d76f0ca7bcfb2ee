package dlp

func findMagic(b []byte, i int) int { return len(b) }
