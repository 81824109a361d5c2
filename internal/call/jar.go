package call

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// Jar keeps cookies as curl's cookie engine does: in memory, from files in the format of Netscape or of response
// headers, and in a file in the format of Netscape. net/http/cookiejar decides which hosts and paths get a cookie.
type Jar struct {
	cookies []*cookie // in the order of their arrival
}

// Limits are those of curl, but for the number of cookies, which it does not limit.
const (
	maxCookieFile = 16 << 20
	maxCookieLine = 5000
	maxCookie     = 4096
	maxCookies    = 3000
	maxSetCookies = 50   // of one response
	maxSent       = 150  // cookies in one request
	maxSentBytes  = 8190 // of the header
)

// cookie is one cookie in the jar.
type cookie struct {
	name, value  string
	domain, path string
	subdomains   bool // the hosts below the domain get it too
	secure       bool
	httpOnly     bool
	expires      time.Time // zero: with the session
	rules        *cookiejar.Jar
}

// newCookie applies the rules to what a host says about a cookie. domain is that of the cookie's attribute, without the
// dot before it, "" for none. ok is false if the host may not set it, or if it has expired.
func newCookie(c cookie, host, domain string) (made *cookie, ok bool) {
	rules, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	if err != nil {
		return nil, false
	}
	// The jar sees neither name nor value: curl keeps more of them than net/http does.
	rules.SetCookies(&url.URL{Scheme: "https", Host: urlHost(host)}, []*http.Cookie{
		{Name: "c", Value: "v", Domain: domain, Path: c.matched(), Expires: c.expires},
	})
	c.rules, c.domain = rules, strings.ToLower(cmp.Or(domain, host))
	if !c.sent(c.domain, c.matched(), true) {
		return nil, false
	}
	c.subdomains = c.sent("x."+c.domain, c.matched(), true)
	return &c, true
}

// matched is the path for the rules: as in curl, a slash at its end does not count.
func (c *cookie) matched() string { return cmp.Or(strings.TrimSuffix(c.path, "/"), "/") }

// urlHost is a host as it stands in a URL.
func urlHost(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// sent reports whether a request gets the cookie.
func (c *cookie) sent(host, path string, trusted bool) bool {
	if c.secure && !trusted {
		return false
	}
	return len(c.rules.Cookies(&url.URL{Scheme: "https", Host: urlHost(host), Path: path})) > 0
}

// trustedOrigin reports whether secure cookies may go to and come from a URL: over TLS, and to this machine, as in
// curl.
func trustedOrigin(scheme, host string) bool {
	return scheme == "https" || strings.EqualFold(host, "localhost") || host == "127.0.0.1" || host == "::1"
}

// cookieOrigin is the host and the path of a request for the rules: a Host header counts, as in curl.
func cookieOrigin(r *http.Request) (host, path string) {
	host = cmp.Or(r.Host, r.URL.Host)
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]")), cmp.Or(r.URL.EscapedPath(), "/")
}

// add puts a cookie into the jar, in the place of one with the same name, domain and path.
func (j *Jar) add(c *cookie) {
	if at := slices.IndexFunc(j.cookies, c.replaces); at >= 0 {
		j.cookies[at] = c
	} else if len(j.cookies) < maxCookies {
		j.cookies = append(j.cookies, c)
	}
}

// replaces reports whether a cookie takes the place of an old one.
func (c *cookie) replaces(old *cookie) bool {
	return old.name == c.name && old.domain == c.domain && old.matched() == c.matched() && old.subdomains == c.subdomains
}

// Cookies returns the cookies for a request, as they stand in its header; "" for none.
func (j *Jar) Cookies(r *http.Request) string {
	host, path := cookieOrigin(r)
	trusted := trustedOrigin(r.URL.Scheme, host)
	var found []*cookie
	for _, c := range slices.Backward(j.cookies) { // the newest first
		if c.sent(host, path, trusted) {
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(a, b *cookie) int { // as curl does
		return cmp.Or(len(b.path)-len(a.path), len(b.domain)-len(a.domain), len(b.name)-len(a.name))
	})
	header := ""
	for _, c := range found[:min(len(found), maxSent)] {
		pair := c.name + "=" + c.value
		if header != "" {
			pair = "; " + pair
		}
		if len(header)+len(pair) > maxSentBytes {
			break
		}
		header += pair
	}
	return header
}

// Receive keeps the cookies that a response sets.
func (j *Jar) Receive(resp *http.Response) {
	host, path := cookieOrigin(resp.Request)
	trusted := trustedOrigin(resp.Request.URL.Scheme, host)
	lines := resp.Header.Values("Set-Cookie")
	for _, line := range lines[:min(len(lines), maxSetCookies)] {
		j.set(line, host, path, trusted)
	}
}

// set keeps the cookie of a Set-Cookie header.
func (j *Jar) set(line, host, requestPath string, trusted bool) {
	if len(line) > maxCookieLine {
		return
	}
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, ok := strings.Cut(pair, "=")
	c := cookie{name: strings.TrimSpace(name), value: strings.TrimSpace(value)}
	if !ok || c.name == "" || len(c.name)+len(c.value) > maxCookie || strings.ContainsFunc(c.name+c.value, isControl) {
		return
	}
	c.path = requestPath[:max(strings.LastIndexByte(requestPath, '/'), 1)]
	if strings.ContainsFunc(attributes, isControl) { // a tab would be a field of its own in the file
		return
	}
	domain, maxAge, expired := "", "", false
	for attribute := range strings.SplitSeq(attributes, ";") {
		key, value, _ := strings.Cut(attribute, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "path":
			if value = strings.Trim(value, `"`); strings.HasPrefix(value, "/") {
				c.path = value
			}
		case "domain":
			domain = strings.ToLower(strings.TrimPrefix(value, "."))
		case "secure":
			c.secure = true
		case "httponly":
			c.httpOnly = true
		case "max-age":
			maxAge = strings.Trim(value, `"`)
		case "expires":
			if date, err := http.ParseSetCookie("c=v; expires=" + value); err == nil && maxAge == "" {
				c.expires = date.Expires
			}
		}
	}
	if seconds, err := strconv.ParseInt(maxAge, 10, 64); err == nil {
		const most = 400 * 24 * 60 * 60 // RFC 6265bis; it also keeps the time within what files hold
		expired = seconds <= 0
		c.expires = time.Now().Add(time.Duration(min(max(seconds, 0), most)) * time.Second).Truncate(time.Second)
	}
	expired = expired || !c.expires.IsZero() && !c.expires.After(time.Now())
	kept := c
	if expired {
		kept.expires = time.Time{}
	}
	made, ok := newCookie(kept, host, domain)
	if !ok || !made.mayBeSet(trusted) || !trusted && j.hasSecure(made) {
		return
	}
	if expired {
		j.cookies = slices.DeleteFunc(j.cookies, made.replaces)
		return
	}
	j.add(made)
}

// isControl reports characters that no cookie has.
func isControl(c rune) bool { return c < ' ' || c == 0x7f }

// mayBeSet checks what the name of a cookie promises, and that a secure one came over a connection that may carry it.
func (c *cookie) mayBeSet(trusted bool) bool {
	switch {
	case c.secure && !trusted, strings.HasPrefix(c.name, "__Secure-") && !c.secure:
		return false
	case strings.HasPrefix(c.name, "__Host-"):
		return c.secure && c.path == "/" && !c.subdomains
	}
	return true
}

// hasSecure reports whether a cookie would hide a secure one of that name.
func (j *Jar) hasSecure(c *cookie) bool {
	return slices.ContainsFunc(j.cookies, func(old *cookie) bool {
		return old.secure && old.name == c.name &&
			(old.sent(c.domain, c.matched(), true) || c.sent(old.domain, old.matched(), true))
	})
}

// Read adds the cookies of a file, the standard input if its name is "-". A file that does not exist has none, as in
// curl. host is the one for which a Set-Cookie line without a domain counts. junk leaves out those that end with the
// session.
func (j *Jar) Read(name, host string, junk bool, stdin io.Reader) error {
	if name == "" {
		return nil
	}
	r, err := file(name, stdin).open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	lines := bufio.NewScanner(io.LimitReader(r, maxCookieFile))
	lines.Buffer(nil, maxCookieFile)
	read := &Jar{}
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		if header, ok := cutPrefixFold(line, "Set-Cookie:"); ok {
			read.set(header, lineHost(header, host), "/", true)
		} else if c, ok := parseNetscape(line); ok {
			read.add(c)
		}
	}
	for _, c := range read.cookies {
		if !junk || !c.expires.IsZero() {
			j.add(c)
		}
	}
	return lines.Err()
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// lineHost is the host that a Set-Cookie line is taken to come from: the one that it names, else the given one.
func lineHost(header, host string) string {
	for attribute := range strings.SplitSeq(header, ";") {
		key, value, _ := strings.Cut(attribute, "=")
		if strings.EqualFold(strings.TrimSpace(key), "domain") && strings.TrimSpace(value) != "" {
			return strings.ToLower(strings.TrimPrefix(strings.TrimSpace(value), "."))
		}
	}
	return host
}

const httpOnlyMark = "#HttpOnly_"

// parseNetscape reads a line of a cookie file: domain, whether hosts below it count, path, whether it is secure, the
// time when it expires, name and value.
func parseNetscape(line string) (*cookie, bool) {
	line, httpOnly := strings.CutPrefix(line, httpOnlyMark)
	fields := strings.Split(line, "\t")
	if strings.HasPrefix(line, "#") || len(line) > maxCookieLine || len(fields) < 6 || len(fields) > 7 {
		return nil, false
	}
	fields = append(fields, "")
	expires, err := strconv.ParseInt(fields[4], 10, 64)
	if err != nil || fields[0] == "" || !strings.HasPrefix(fields[2], "/") || fields[5] == "" ||
		strings.ContainsFunc(line, func(c rune) bool { return c != '\t' && isControl(c) }) {
		return nil, false
	}
	c := cookie{
		name: fields[5], value: fields[6], path: fields[2],
		secure: strings.EqualFold(fields[3], "TRUE"), httpOnly: httpOnly,
	}
	const latest = 253402300799 // the year 9999
	if expires > 0 {
		c.expires = time.Unix(min(expires, latest), 0)
	}
	host, domain := strings.ToLower(strings.TrimPrefix(fields[0], ".")), ""
	if strings.EqualFold(fields[1], "TRUE") && net.ParseIP(host) == nil {
		domain = host
	}
	return newCookie(c, host, domain)
}

// Write writes the cookies into a file, which only its owner may read, or to stdout if its name is "-". It replaces a
// file at once: a reader never finds half of it.
func (j *Jar) Write(name string, stdout io.Writer) error {
	text := j.netscape()
	if name == "-" {
		_, err := stdout.Write(text)
		return err
	}
	return replaceFile(name, text)
}

func (j *Jar) netscape() []byte {
	var out bytes.Buffer
	out.WriteString("# Netscape HTTP Cookie File\n# Written by furl call --cookie-jar. curl reads it as well.\n\n")
	truth := map[bool]string{true: "TRUE", false: "FALSE"}
	for _, c := range slices.Backward(j.cookies) { // the newest first, as curl does
		mark, dot, expires := "", "", int64(0)
		if c.httpOnly {
			mark = httpOnlyMark
		}
		if c.subdomains {
			dot = "."
		}
		if !c.expires.IsZero() {
			if expires = c.expires.Unix(); !c.expires.After(time.Now()) {
				continue
			}
		}
		fmt.Fprintf(&out, "%s%s%s\t%s\t%s\t%s\t%d\t%s\t%s\n", mark, dot, c.domain, truth[c.subdomains], c.path,
			truth[c.secure], expires, c.name, c.value)
	}
	return out.Bytes()
}
