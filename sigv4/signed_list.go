package sigv4

import "strings"

// signedList is a SignedHeaders list that is sorted and without fault. Clients send the same few again and again.
type signedList struct {
	names []string
	keys  []string // the same as they stand in a header map; empty for those that net/http keeps elsewhere
	amz   int      // how many of them begin with x-amz-
}

// maxLists and maxList bound the memory of learn.
const (
	maxLists = 64
	maxList  = 1 << 10
)

// learn remembers the list of a request that was verified.
func (s *scratch) learn() {
	c := &s.claim
	sorted := string(s.names) == c.signedHeaders
	if c.list != nil || !sorted || len(s.lists) >= maxLists || len(c.signedHeaders) > maxList {
		return
	}
	text := strings.Clone(c.signedHeaders)
	list := &signedList{names: strings.Split(text, ";"), amz: countAmz(c.signed)}
	for _, name := range list.names {
		key := ""
		switch name {
		case nameHost, nameAuthority, nameTransfer, nameContentLength:
		default:
			key = string(appendKey(nil, name))
		}
		list.keys = append(list.keys, key)
	}
	if s.lists == nil {
		s.lists = make(map[string]*signedList)
	}
	s.lists[text] = list
}

func countAmz(names []string) (n int) {
	for _, name := range names {
		if strings.HasPrefix(name, "x-amz-") {
			n++
		}
	}
	return n
}
