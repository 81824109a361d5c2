package policy

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

// textKind is how an operator compares texts.
type textKind uint8

const (
	equalText textKind = iota
	foldText
	likeText
	arnText // ArnEquals and ArnLike are the same
)

// textMatcher compares texts, which may have policy variables.
type textMatcher struct {
	kind textKind
	list []template
}

// matcher compiles the values of a condition. Variables are recognized in those of texts only.
func (k textKind) matcher(_ relation, values []string, variables bool) (matcher, error) {
	encode := encodeWildcards
	if k == equalText || k == foldText {
		encode = nil
	}
	list, err := parseAll(values, func(s string) (template, error) { return parseTemplate(s, variables, encode) })
	return textMatcher{k, list}, err
}

func (m textMatcher) matches(v string, ctx Context) bool {
	for i := range m.list {
		t := &m.list[i]
		if m.kind == likeText {
			if t.matches(v, ctx) {
				return true
			}
			continue
		}
		if want, ok := t.expand(ctx); ok && m.kind.accepts(want, v) {
			return true
		}
	}
	return false
}

func (m textMatcher) negates(v string) bool { return m.kind != arnText || arnMatch("\xff", v) }

func (k textKind) accepts(want, v string) bool {
	switch k {
	case equalText:
		return want == v
	case foldText:
		return equalFold(want, v) || lowered(want) == lowered(v)
	default:
		return arnMatch(want, v)
	}
}

// lowered is s in small letters as AWS was recorded to compare them: those of the Unicode table, of characters that
// UTF-16 has no pair for, with the final form of sigma at the end of a word.
func lowered(s string) string {
	runes := []rune(strings.ReplaceAll(s, "İ", "i\u0307"))
	for i, r := range runes {
		switch {
		case r == 'Σ' && i > 0 && unicode.IsLetter(runes[i-1]) && (i+1 == len(runes) || !unicode.IsLetter(runes[i+1])):
			runes[i] = 'ς'
		case r <= 0xffff:
			runes[i] = unicode.ToLower(r)
		}
	}
	return string(runes)
}

// valueType is a type of values that have an order, or at least are equal or not.
type valueType[Want, Got any] struct {
	want  func(string) (Want, error) // reads a value of a policy
	got   func(string) (Got, error)  // reads a value of a request
	order func(Got, Want) int
	// exact is whether the negated operator does not hold either for what cannot be read.
	exact bool
}

var (
	numbers  = valueType[*big.Float, *big.Float]{want: parseNumber, got: parseNumber, order: (*big.Float).Cmp}
	dates    = valueType[time.Time, time.Time]{want: parseDate, got: parseDate, order: compareDates}
	binaries = valueType[[]byte, []byte]{want: parseBinary, got: parseBinary, order: bytes.Compare}
	booleans = valueType[bool, bool]{
		want: parseBool, got: parseBool, order: func(got, want bool) int { return unequal(got == want) },
	}
	addresses = valueType[netip.Prefix, netip.Addr]{
		want: parsePrefix, got: parseAddr, exact: true,
		order: func(got netip.Addr, want netip.Prefix) int { return unequal(want.Contains(got.Unmap())) },
	}
)

func unequal(equal bool) int {
	if equal {
		return 0
	}
	return 1
}

// valueMatcher compares values that stand for something else than their text. What a request has and cannot be read
// matches nothing.
type valueMatcher[Want, Got any] struct {
	*valueType[Want, Got]
	relation relation
	list     []Want
}

func (t *valueType[Want, Got]) matcher(r relation, values []string, _ bool) (matcher, error) {
	list, err := parseAll(values, t.want)
	return valueMatcher[Want, Got]{t, r, list}, err
}

func (m valueMatcher[Want, Got]) matches(v string, _ Context) bool {
	got, err := m.got(v)
	if err != nil {
		return false
	}
	for _, want := range m.list {
		if m.relation.accepts(m.order(got, want)) {
			return true
		}
	}
	return false
}

func (m valueMatcher[Want, Got]) negates(v string) bool {
	_, err := m.got(v)
	return err == nil || !m.exact
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

var errNumber = errors.New("not an integer or decimal number")

// parseNumber reads an integer or decimal, with more digits than anybody writes.
func parseNumber(s string) (*big.Float, error) {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && strings.IndexByte("+-.eE", c) < 0 {
			return nil, errNumber // ParseFloat also reads hexadecimal, underscores, Inf and NaN
		}
	}
	f, _, err := big.ParseFloat(s, 10, 256, big.ToNearestEven)
	if err != nil {
		return nil, errNumber
	}
	return f, nil
}

var errDate = errors.New("not a date of ISO 8601, such as 2026-11-01T00:00:00Z, nor seconds of the epoch")

// dateForm is the W3C profile of ISO 8601 ("Date and Time Formats", W3C note) as AWS was recorded to take it: with
// small letters, with numbers that lack their leading zeros, cut off after any part, and without a zone, which is then
// UTC.
var dateForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(-?\d{1,9})(?:-(\d\d?)(?:-(\d\d?))?)?` +
		`(?:[Tt](?:(\d\d?)(?::(\d\d?)(?::(\d\d?)(?:\.(\d{1,9}))?)?)?)?(?:[Zz]|([+-]\d\d)(?::?(\d\d))?)?)?$`)
})

// parseDate reads a date. Bare digits are seconds of the epoch, but for four of them, a year.
func parseDate(s string) (time.Time, error) {
	if number := strings.TrimPrefix(s, "+"); number != "" && len(s) != 4 && strings.Trim(number, digits) == "" {
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return time.Time{}, errDate
		}
		return time.Unix(n, 0), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	fields := dateForm().FindStringSubmatch(s)
	if fields == nil {
		return time.Time{}, errDate
	}
	number := func(i, otherwise int) int {
		if fields[i] == "" {
			return otherwise
		}
		n, _ := strconv.Atoi(fields[i]) // digits, and few
		return n
	}
	year, month, day := number(1, 0), number(2, 1), number(3, 1)
	hour, minute, second := number(4, 0), number(5, 0), number(6, 0)
	nanosecond, _ := strconv.Atoi((fields[7] + "000000000")[:9])
	minutes := number(9, 0)
	if strings.HasPrefix(fields[8], "-") {
		minutes = -minutes
	}
	east := time.Duration(number(8, 0))*time.Hour + time.Duration(minutes)*time.Minute
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanosecond, time.UTC)
	if t.Year() != year || t.Month() != time.Month(month) || t.Day() != day || t.Hour() != hour || t.Minute() != minute ||
		t.Second() != second || east.Abs() >= 24*time.Hour || number(9, 0) > 59 {
		return time.Time{}, errDate
	}
	return t.Add(-east), nil
}

// compareDates compares dates, to the millisecond.
func compareDates(got, want time.Time) int { return cmp.Compare(got.UnixMilli(), want.UnixMilli()) }

func isBool(s string) bool { return equalFold(s, "true") || equalFold(s, "false") }

// parseBool reads a boolean: all that is not true is false.
func parseBool(s string) (bool, error) { return equalFold(s, "true"), nil }

var errBinary = errors.New("not base64")

func parseBinary(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errBinary
	}
	return b, nil
}

var errPrefix = errors.New("not an IP address or CIDR range")

var errRange = errors.New("AWS takes an IPv6 address without dots, and a range of them only from its first address")

// checkRange refuses what AWS refuses of ranges, as recorded, though parsePrefix reads it.
func checkRange(s string) error {
	text, _, _ := strings.Cut(s, "/")
	if !strings.Contains(text, ":") {
		return nil
	}
	prefix, _ := parsePrefix(s) // it has been read before
	if addr, _ := netip.ParseAddr(text); strings.Contains(text, ".") || addr.Unmap() != prefix.Addr() {
		return errRange
	}
	return nil
}

// parseAddr reads an address, which may have zeros before the numbers of IPv4.
func parseAddr(s string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	if err == nil || strings.Contains(s, ":") {
		return addr, err
	}
	parts := strings.Split(s, ".")
	for i, part := range parts {
		parts[i] = trimZeros(part)
	}
	return netip.ParseAddr(strings.Join(parts, "."))
}

// trimZeros removes the zeros that precede a number.
func trimZeros(number string) string {
	if number == "" {
		return ""
	}
	return cmp.Or(strings.TrimLeft(number, "0"), "0")
}

// parsePrefix reads a CIDR range, or an address, which stands for the range of that address alone.
func parsePrefix(s string) (netip.Prefix, error) {
	text, bits, isRange := strings.Cut(s, "/")
	addr, err := parseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, errPrefix
	}
	if !isRange {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(addr.String() + "/" + trimZeros(strings.TrimPrefix(bits, "+")))
	if err != nil {
		return netip.Prefix{}, errPrefix
	}
	if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}
