package sigv4_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The right steps, written independently of the package under test.
func rightPath(path string) string {
	var out []string
	for _, seg := range strings.Split(path, "/") {
		switch seg {
		case "", ".":
		case "..":
			out = out[:max(0, len(out)-1)]
		default:
			out = append(out, rightEscape(seg))
		}
	}
	p := "/" + strings.Join(out, "/")
	if strings.HasSuffix(path, "/") && p != "/" {
		p += "/"
	}
	return p
}

// rightEscape builds on url.QueryEscape, which differs from the strict encoding in the space only.
func rightEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func rightPairs(raw string) (pairs [][2]string) {
	for _, p := range strings.Split(raw, "&") {
		if p == "" {
			continue
		}
		k, v, _ := strings.Cut(p, "=")
		kd, _ := url.QueryUnescape(k)
		vd, _ := url.QueryUnescape(v)
		pairs = append(pairs, [2]string{rightEscape(kd), rightEscape(vd)})
	}
	return pairs
}

func joinPairs(pairs [][2]string) string {
	var texts []string
	for _, p := range pairs {
		texts = append(texts, p[0]+"="+p[1])
	}
	return strings.Join(texts, "&")
}

func comparePairs(a, b [2]string) int {
	if c := strings.Compare(a[0], b[0]); c != 0 {
		return c
	}
	return strings.Compare(a[1], b[1])
}

func rightQuery(raw string) string {
	pairs := rightPairs(raw)
	slices.SortFunc(pairs, comparePairs)
	return joinPairs(pairs)
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func scopeOf(t time.Time) string {
	return t.Format("20060102") + "/" + region + "/" + service + "/aws4_request"
}

func replace(old, new string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, new, 1) }
}
