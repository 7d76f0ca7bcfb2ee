package proxy

import (
	"fmt"
	"strconv"
	"time"
)

const (
	// maxSkew is how far the date of a signature may be from the host's clock: as
	// much as AWS takes.
	maxSkew = 15 * time.Minute
	// maxPresigned is how long a URL may be good, as AWS has it.
	maxPresigned = 7 * 24 * time.Hour
)

// timely holds the date of a signature to the host's clock: one for another day could
// be used then, by whoever has seen it. A URL may have been signed for a while.
func (c awsClaim) timely(now time.Time) error {
	past := maxSkew
	if c.query {
		seconds, err := strconv.ParseUint(c.expires, 10, 32)
		good := time.Duration(seconds) * time.Second
		if err != nil || good == 0 || good > maxPresigned {
			return fmt.Errorf("its X-Amz-Expires is not from 1 to %d seconds", int(maxPresigned/time.Second))
		}
		past = max(past, good)
	}
	switch age := now.Sub(c.date); {
	case age > past && c.query:
		return fmt.Errorf("it is from %s, and good no longer: have the client sign it again", c.date.Format(time.RFC3339))
	case age > past || age < -maxSkew:
		return fmt.Errorf("it is from %s, and the clock of the host says %s: they may be %d minutes apart, so set the client's clock, and have it sign again",
			c.date.Format(time.RFC3339), now.UTC().Format(time.RFC3339), int(maxSkew/time.Minute))
	}
	return nil
}
