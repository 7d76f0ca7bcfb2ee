package guest

import (
	"encoding/binary"
	"errors"
	"io"
)

// maxHost is the longest name that is asked about.
const maxHost = 255

// maxAnswered bounds the ports of an answer: the relay takes fewer of one name.
const maxAnswered = 255

// AnswerPorts answers on the host's side what the relay asks: see AskPorts.
func AnswerPorts(c io.ReadWriter, ports func(host string) []int) error {
	var n [1]byte
	if _, err := io.ReadFull(c, n[:]); err != nil {
		return err
	}
	host := make([]byte, n[0])
	if _, err := io.ReadFull(c, host); err != nil {
		return err
	}
	list := ports(string(host))
	list = list[:min(len(list), maxAnswered)]
	out := []byte{byte(len(list))}
	for _, p := range list {
		out = binary.BigEndian.AppendUint16(out, uint16(p))
	}
	_, err := c.Write(out)
	return err
}

// AskPorts asks on a connection to the host for the ports of a name: a byte with its
// length, and the name. The answer is a byte with their number and two for each.
func AskPorts(c io.ReadWriter, host string) ([]int, error) {
	if len(host) == 0 || len(host) > maxHost {
		return nil, errors.New("no host name")
	}
	if _, err := c.Write(append([]byte{byte(len(host))}, host...)); err != nil {
		return nil, err
	}
	var n [1]byte
	if _, err := io.ReadFull(c, n[:]); err != nil {
		return nil, err
	}
	list := make([]byte, 2*int(n[0]))
	if _, err := io.ReadFull(c, list); err != nil {
		return nil, err
	}
	var ports []int
	for i := 0; i < len(list); i += 2 {
		ports = append(ports, int(binary.BigEndian.Uint16(list[i:])))
	}
	return ports, nil
}
