package policy

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// newMatcher compiles the values of a condition. Variables are recognised in string and ARN values only.
func newMatcher(op operator, values []string, variables bool) (matcher, error) {
	switch op.family {
	case familyString, familyFold:
		list, err := parseTemplates(values, variables, nil)
		if op.family == familyFold {
			return foldMatcher(list), err
		}
		return equalMatcher(list), err
	case familyLike:
		list, err := parseTemplates(values, variables, encodeWildcards)
		return likeMatcher(list), err
	case familyARN:
		list, err := parseTemplates(values, variables, encodeWildcards)
		return arnMatcher(list), err
	case familyNumber:
		list, err := parseAll(values, parseNumber)
		return numberMatcher{op.relation, list}, err
	case familyDate:
		list, err := parseAll(values, parseDate)
		return dateMatcher{op.relation, list}, err
	case familyBool:
		list, err := parseAll(values, parseBool)
		return boolMatcher(list), err
	case familyBinary:
		list, err := parseAll(values, parseBinary)
		return binaryMatcher(list), err
	default:
		list, err := parseAll(values, parsePrefix)
		return addressMatcher(list), err
	}
}

func parseTemplates(values []string, variables bool, encode func(string) string) ([]template, error) {
	return parseAll(values, func(s string) (template, error) {
		if variables {
			return parseTemplate(s, encode)
		}
		if encode != nil {
			s = encode(s)
		}
		return template{pattern: newPattern(s)}, nil
	})
}

func parseAll[T any](values []string, parse func(string) (T, error)) ([]T, error) {
	list := make([]T, len(values))
	for i, v := range values {
		t, err := parse(v)
		if err != nil {
			return nil, errors.New(strconv.Quote(v) + ": " + err.Error())
		}
		list[i] = t
	}
	return list, nil
}

type equalMatcher []template

func (m equalMatcher) matches(v string, ctx Context) bool {
	for i := range m {
		if want, ok := m[i].expand(ctx); ok && want == v {
			return true
		}
	}
	return false
}

type foldMatcher []template

func (m foldMatcher) matches(v string, ctx Context) bool {
	for i := range m {
		if want, ok := m[i].expand(ctx); ok && strings.EqualFold(want, v) {
			return true
		}
	}
	return false
}

type likeMatcher []template

func (m likeMatcher) matches(v string, ctx Context) bool {
	for i := range m {
		if m[i].matches(v, ctx) {
			return true
		}
	}
	return false
}

// arnMatcher compares the six parts of ARNs one by one. ArnEquals and ArnLike do the same.
type arnMatcher []template

func (m arnMatcher) matches(v string, ctx Context) bool {
	for i := range m {
		if want, ok := m[i].expand(ctx); ok && arnMatch(want, v) {
			return true
		}
	}
	return false
}

// arnMatch compares ARNs part by part, so that a wildcard never reaches over a colon, except in the last part.
// A lone * stands for any ARN. Text that has not six parts is no ARN and matches nothing.
func arnMatch(pattern, s string) bool {
	if !strings.HasPrefix(s, "arn:") {
		return false
	}
	alone := pattern == "\xff"
	for range 5 {
		part, rest, ok := strings.Cut(s, ":")
		if !ok {
			return false
		}
		s = rest
		if alone {
			continue
		}
		want, wantRest, ok := strings.Cut(pattern, ":")
		if !ok || !globMatch(want, part, false) {
			return false
		}
		pattern = wantRest
	}
	return globMatch(pattern, s, false)
}

type numberMatcher struct {
	relation relation
	list     []float64
}

func (m numberMatcher) matches(v string, _ Context) bool {
	got, err := parseNumber(v)
	if err != nil {
		return false
	}
	for _, want := range m.list {
		order := 0
		switch {
		case got < want:
			order = -1
		case got > want:
			order = 1
		}
		if m.relation.accepts(order) {
			return true
		}
	}
	return false
}

// accepts reports whether a comparison with that result satisfies the relation.
func (r relation) accepts(order int) bool {
	switch r {
	case less:
		return order < 0
	case lessOrEqual:
		return order <= 0
	case greater:
		return order > 0
	case greaterOrEqual:
		return order >= 0
	default:
		return order == 0
	}
}

var errNumber = errors.New("not an integer or decimal number")

// parseNumber reads an integer or decimal. They are compared as 64-bit floating point numbers.
func parseNumber(s string) (float64, error) {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && strings.IndexByte("+-.eE", c) < 0 {
			return 0, errNumber // ParseFloat also reads hexadecimal, underscores, Inf and NaN
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, errNumber
	}
	return f, nil
}

type dateMatcher struct {
	relation relation
	list     []time.Time
}

func (m dateMatcher) matches(v string, _ Context) bool {
	got, err := parseDate(v)
	if err != nil {
		return false
	}
	for _, want := range m.list {
		if m.relation.accepts(got.Compare(want)) {
			return true
		}
	}
	return false
}

var errDate = errors.New("not a date of ISO 8601, such as 2026-11-01T00:00:00Z, nor seconds of the epoch")

// dateLayouts are the W3C profile of ISO 8601 ("Date and Time Formats", W3C note), and the same without a zone, which
// AWS takes as UTC. Fractions of a second are accepted after any seconds.
var dateLayouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006-01-02T15:04:05", "2006-01-02T15:04",
}

// parseDate reads a date. Bare digits are seconds of the epoch, but for four of them, a year.
func parseDate(s string) (time.Time, error) {
	if s != "" && strings.Trim(s, "0123456789") == "" {
		n, err := strconv.ParseInt(s, 10, 64)
		switch {
		case err != nil:
			return time.Time{}, errDate
		case len(s) == 4:
			return time.Date(int(n), 1, 1, 0, 0, 0, 0, time.UTC), nil
		default:
			return time.Unix(n, 0), nil
		}
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errDate
}

type boolMatcher []bool

func (m boolMatcher) matches(v string, _ Context) bool {
	got, err := parseBool(v)
	if err != nil {
		return false
	}
	for _, want := range m {
		if want == got {
			return true
		}
	}
	return false
}

var errBool = errors.New("neither true nor false")

func parseBool(s string) (bool, error) {
	switch {
	case equalFold(s, "true"):
		return true, nil
	case equalFold(s, "false"):
		return false, nil
	}
	return false, errBool
}

type binaryMatcher [][]byte

func (m binaryMatcher) matches(v string, _ Context) bool {
	got, err := parseBinary(v)
	if err != nil {
		return false
	}
	for _, want := range m {
		if bytes.Equal(want, got) {
			return true
		}
	}
	return false
}

var errBinary = errors.New("not base64")

func parseBinary(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errBinary
	}
	return b, nil
}

type addressMatcher []netip.Prefix

func (m addressMatcher) matches(v string, _ Context) bool {
	got, err := netip.ParseAddr(v)
	if err != nil {
		return false
	}
	got = got.Unmap()
	for _, want := range m {
		if want.Contains(got) {
			return true
		}
	}
	return false
}

var errPrefix = errors.New("not an IP address or CIDR range")

// parsePrefix reads a CIDR range, or an address, which stands for the range of that address alone.
func parsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, errPrefix
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, errPrefix
	}
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}
