package egress_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers, in this process, each lookup of a name with the next of
// its scripted answers, the last one for ever.
type nameServer struct {
	mutex   sync.Mutex
	answers map[string][][]netip.Addr
	asked   map[dnsmessage.Question]int
}

func newNameServer(answers map[string][][]netip.Addr) *nameServer {
	return &nameServer{answers: answers, asked: map[dnsmessage.Question]int{}}
}

func once(addresses ...string) [][]netip.Addr { return [][]netip.Addr{parseAll(addresses...)} }

func parseAll(addresses ...string) []netip.Addr {
	parsed := make([]netip.Addr, len(addresses))
	for i, address := range addresses {
		parsed[i] = netip.MustParseAddr(address)
	}
	return parsed
}

func (s *nameServer) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go s.serve(ours)
		return theirs, nil
	}}
}

// serve speaks DNS with the length prefix of TCP (RFC 1035 §4.2.2), which Go's
// resolver uses on any connection that is not a packet connection.
func (s *nameServer) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	for {
		var size [2]byte
		if _, err := io.ReadFull(connection, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(connection, query); err != nil {
			return
		}
		var message dnsmessage.Message
		if err := message.Unpack(query); err != nil || len(message.Questions) != 1 {
			return
		}
		packed, err := s.answer(message).Pack()
		if err != nil {
			return
		}
		if _, err := connection.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...)); err != nil {
			return
		}
	}
}

func (s *nameServer) answer(query dnsmessage.Message) *dnsmessage.Message {
	question := query.Questions[0]
	reply := &dnsmessage.Message{
		Header:    dnsmessage.Header{ID: query.ID, Response: true, Authoritative: true, RecursionAvailable: true},
		Questions: query.Questions,
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	script, known := s.answers[question.Name.String()]
	if !known {
		reply.RCode = dnsmessage.RCodeNameError
		return reply
	}
	turn := min(s.asked[question], len(script)-1)
	s.asked[question]++
	for _, address := range script[turn] {
		header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class}
		switch {
		case question.Type == dnsmessage.TypeA && address.Is4():
			reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: address.As4()}})
		case question.Type == dnsmessage.TypeAAAA && address.Is6():
			reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: address.As16()}})
		}
	}
	return reply
}
