package guest

import (
	"fmt"
	"strings"
)

// User is what setup answers: who the agent is inside.
type User struct {
	UID, GID int
	// Root says that commands run as root, so that exec can become the agent.
	// Where the image has another user, everything runs as that one.
	Root bool
	// State is the folder that exec and kill share.
	State string
	// Shell is the best that there is: bash, else sh.
	Shell string
}

const userFormat = "uid=%d gid=%d root=%t state=%s shell=%s"

// Text is what ParseUser reads.
func (u *User) Text() string {
	return fmt.Sprintf(userFormat+"\n", u.UID, u.GID, u.Root, u.State, u.Shell)
}

// ParseUser reads the answer of setup, whose last line it is.
func ParseUser(text string) (User, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	var u User
	if _, err := fmt.Sscanf(lines[len(lines)-1], userFormat, &u.UID, &u.GID, &u.Root, &u.State, &u.Shell); err != nil {
		return User{}, fmt.Errorf("the machine's answer to setup is none: %w", err)
	}
	if u.UID <= 0 && u.Root || !strings.HasPrefix(u.State, "/") || !strings.HasPrefix(u.Shell, "/") {
		return User{}, fmt.Errorf("the machine's answer to setup makes no sense: uid %d, folder %q, shell %q", u.UID, u.State, u.Shell)
	}
	return u, nil
}
