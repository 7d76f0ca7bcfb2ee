package verify

import (
	"encoding/binary"
	"io"
	"net"

	"golang.org/x/net/dns/dnsmessage"
)

// answerName answers the queries of one TCP connection (RFC 1035, 4.2.2): each
// name has the address 192.0.2.53.
func answerName(c net.Conn) error {
	for {
		var size uint16
		if err := binary.Read(c, binary.BigEndian, &size); err != nil {
			return err
		}
		query := make([]byte, size)
		if _, err := io.ReadFull(c, query); err != nil {
			return err
		}
		var m dnsmessage.Message
		if err := m.Unpack(query); err != nil {
			return err
		}
		m.Response, m.Additionals = true, nil
		for _, q := range m.Questions {
			if q.Type == dnsmessage.TypeA {
				m.Answers = append(m.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 53}},
				})
			}
		}
		answer, err := m.Pack()
		if err != nil {
			return err
		}
		if err := binary.Write(c, binary.BigEndian, uint16(len(answer))); err != nil {
			return err
		}
		if _, err := c.Write(answer); err != nil {
			return err
		}
	}
}
