package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl/internal/call"
)

// curlSet registers flags that curl has, with its letters and the help texts of call.CurlFlag.
type curlSet struct{ *pflag.FlagSet }

func (f curlSet) text(p *string, name string) {
	o := call.CurlFlag(name)
	f.StringVarP(p, name, o.Short, *p, o.Usage)
}

func (f curlSet) list(p *[]string, name string) {
	o := call.CurlFlag(name)
	f.StringArrayVarP(p, name, o.Short, *p, o.Usage)
}

func (f curlSet) flag(p *bool, name string) {
	o := call.CurlFlag(name)
	f.BoolVarP(p, name, o.Short, false, o.Usage)
	opposite, ok := strings.CutPrefix(name, "no-")
	if !ok {
		opposite = "no-" + name
	}
	// As in curl, what a flag turns on the opposite turns off, and the last one counts.
	f.BoolFunc(opposite, "", func(string) error { return f.Set(name, "false") })
	f.Lookup(opposite).Hidden = true
}

func (f curlSet) number(p *float64, name string) {
	o := call.CurlFlag(name)
	f.Float64VarP(p, name, o.Short, *p, o.Usage)
}

func (f curlSet) count(p *int, name string) {
	o := call.CurlFlag(name)
	f.IntVarP(p, name, o.Short, *p, o.Usage)
}

// each has set called for each use of a flag. An error of set may show the value.
func (f curlSet) each(name string, set func(string) error) {
	o := call.CurlFlag(name)
	f.FuncP(name, o.Short, o.Usage, set)
}

// always registers flags of curl that change nothing here.
func (f curlSet) always(names ...string) {
	for _, name := range names {
		o := call.CurlFlag(name)
		f.BoolP(name, o.Short, true, o.Usage)
		f.Lookup(name).Hidden = true
	}
}

// requestFlags are the flags that say what to send.
type requestFlags struct {
	call.Request
	urls     []typedURL
	uploads  []string // one for each URL
	cookies  []string // of --cookie
	junk     bool
	user     string
	sigv4    string
	protocol string // of URLs without a scheme
	stdin    []byte // for several requests; nil if only one reads it
	configs  int    // files of --config that are being read
}

// typedURL is a --url, and how many arguments stood before it.
type typedURL struct {
	url   string
	after int
}

// targets are the URLs and functions of the command line, in its order.
func (q *requestFlags) targets(args []string) []string {
	var targets []string
	urls := q.urls
	for i := range len(args) + 1 {
		for len(urls) > 0 && urls[0].after == i {
			targets = append(targets, urls[0].url)
			urls = urls[1:]
		}
		if i < len(args) {
			targets = append(targets, args[i])
		}
	}
	return targets
}

// register registers the flags that say what to send, with curl's names.
func (q *requestFlags) register(p *program, command *cobra.Command) {
	f := curlSet{command.Flags()}
	f.text(&q.Method, "request")
	f.list(&q.Headers, "header")
	for name, encoding := range map[string]call.Encoding{
		"data": call.Plain, "data-ascii": call.Plain, "data-raw": call.Raw, "data-binary": call.Binary,
		"data-urlencode": call.URLEncode, "json": call.JSON,
	} {
		f.each(name, func(value string) error {
			q.Data = append(q.Data, call.Data{Encoding: encoding, Value: value})
			return nil
		})
	}
	for name, literal := range map[string]bool{"form": false, "form-string": true} {
		f.each(name, func(value string) error {
			q.Form = append(q.Form, call.Field{Value: value, Literal: literal})
			return nil
		})
	}
	f.list(&q.uploads, "upload-file")
	f.flag(&q.Get, "get")
	f.list(&q.URLQuery, "url-query")
	f.flag(&q.Head, "head")
	f.flag(&q.Compressed, "compressed")
	q.UserAgent = "furl/" + Built().Version
	f.text(&q.UserAgent, "user-agent")
	f.text(&q.Referer, "referer")
	f.text(&q.Range, "range")
	f.list(&q.cookies, "cookie")
	f.flag(&q.junk, "junk-session-cookies")
	f.text(&q.user, "user")
	f.text(&q.sigv4, "aws-sigv4")
	f.text(&q.protocol, "proto-default")
	f.each("url", func(url string) error {
		q.urls = append(q.urls, typedURL{url, f.NArg()})
		return nil
	})
	f.each("config", func(name string) error { return q.readConfig(p, f.FlagSet, name) })
	f.always("path-as-is", "globoff", "disable")
}

// settle gives the request what several flags say together.
func (q *requestFlags) settle(p *program, command *cobra.Command, targets []string) error {
	q.protocol = strings.ToLower(q.protocol)
	if command.Flags().Changed("proto-default") && q.protocol != "http" && q.protocol != "https" {
		return usage(command, fmt.Errorf("--proto-default %q is neither http nor https", q.protocol))
	}
	q.Stdin = p.streams.In
	if err := q.readStdinOnce(len(targets)); err != nil {
		return err
	}
	if err := q.ReadHeaders(); err != nil {
		return usage(command, err)
	}
	return nil
}

// jar reads the cookies of the flags. force makes a jar where nothing asks for one by itself. host is that of the first
// URL.
func (q *requestFlags) jar(host string, force bool) error {
	for _, cookie := range q.cookies {
		cookie, isFile := strings.CutPrefix(cookie, "@") // as in curl, for a name with =
		if !isFile && strings.Contains(cookie, "=") {
			q.Cookies = append(q.Cookies, cookie)
			continue
		}
		if q.Jar == nil {
			q.Jar = &call.Jar{}
		}
		if err := q.Jar.Read(cookie, host, q.junk, q.Stdin); err != nil {
			return err
		}
	}
	if force && q.Jar == nil {
		q.Jar = &call.Jar{}
	}
	return nil
}

// hint takes region, service and keys from --aws-sigv4 and --user.
func (q *requestFlags) hint(command *cobra.Command, s *signing) error {
	if !command.Flags().Changed("aws-sigv4") {
		return nil
	}
	parts := strings.SplitN(q.sigv4, ":", 4)
	if provider := strings.ToLower(parts[0]); provider != "" && provider != "aws" ||
		len(parts) > 1 && parts[1] != "" && !strings.EqualFold(parts[1], "amz") {
		return usage(command, fmt.Errorf("--aws-sigv4 %q is not for AWS: use aws:amz, or leave it out", q.sigv4))
	}
	parts = append(parts, "", "", "", "")
	for _, part := range []struct {
		flag, hint string
		value      *string
	}{{"region", parts[2], &s.options.Region}, {"service", parts[3], &s.service}} {
		if part.hint == "" {
			continue
		}
		if command.Flags().Changed(part.flag) && *part.value != part.hint {
			return usage(command, fmt.Errorf("--%s %s and --aws-sigv4 %s contradict each other: leave one out", part.flag,
				*part.value, q.sigv4))
		}
		*part.value = part.hint
	}
	if q.user == "" {
		return nil
	}
	id, secret, _ := strings.Cut(q.user, ":")
	keys := &s.options.Credentials
	keys.AccessKeyID, keys.SecretAccessKey, keys.Source = id, secret, "--user"
	keys.SessionToken = q.Take("X-Amz-Security-Token") // curl has no flag for it
	if !keys.HasKeys() {
		return usage(command, errors.New("--user with --aws-sigv4 is ID:SECRET, an access key id and its secret"))
	}
	return nil
}

// output is one --output or --remote-name.
type output struct {
	file   string
	remote bool
}

// register registers the flags of call.
func (c *callFlags) register(command *cobra.Command) {
	f := curlSet{command.Flags()}
	f.each("output", func(file string) error {
		c.outputs = append(c.outputs, output{file: file})
		return nil
	})
	remote := call.CurlFlag("remote-name")
	f.BoolFuncP("remote-name", remote.Short, remote.Usage, func(text string) error {
		on, err := strconv.ParseBool(text)
		if on {
			c.outputs = append(c.outputs, output{remote: true})
		}
		return err
	})
	f.flag(&c.remoteNameAll, "remote-name-all")
	f.flag(&c.caller.RemoteHeaderName, "remote-header-name")
	f.text(&c.caller.OutputDir, "output-dir")
	f.flag(&c.caller.CreateDirs, "create-dirs")
	f.text(&c.caller.DumpHeader, "dump-header")
	f.flag(&c.caller.Include, "include")
	f.flag(&c.silent, "silent")
	f.flag(&c.showError, "show-error")
	f.flag(&c.noProgress, "no-progress-meter")
	f.flag(&c.caller.Verbose, "verbose")
	f.text(&c.caller.WriteOut, "write-out")
	f.flag(&c.caller.Follow, "location")
	c.caller.MaxRedirects = 50
	f.count(&c.caller.MaxRedirects, "max-redirs")
	for i, name := range []string{"post301", "post302", "post303"} {
		f.flag(&c.caller.KeepPost[i], name)
	}
	f.flag(&c.caller.Fail, "fail")
	f.flag(&c.failWithBody, "fail-with-body")
	f.flag(&c.failEarly, "fail-early")
	f.count(&c.retry, "retry")
	f.number(&c.maxTime, "max-time")
	c.connectTimeout = 30
	f.number(&c.connectTimeout, "connect-timeout")
	f.text(&c.cookieJar, "cookie-jar")
	f.text(&c.bearer, "oauth2-bearer")
	f.BoolVar(&c.noSign, "no-sign", false,
		"send the request unsigned; implied by --user, --oauth2-bearer, a header Authorization, and a function URL found by "+
			"name whose auth type is NONE")
	f.always("basic", "proxy-basic", "no-buffer")
	c.registerNetwork(f)
	f.StringVar(&c.harFile, "har", "",
		"`FILE` to keep what was sent and received, as HTTP Archive 1.2 without secrets in headers, cookies and URLs; "+
			"- for the standard output")
	f.BoolVar(&c.pretty, "pretty", false, "indent and color JSON on a terminal")
	f.IntVar(&c.load.Repeat, "repeat", 0, "how often to send the request")
	f.IntVar(&c.load.Concurrency, "concurrency", 1, "with --repeat: how many requests at one time")
	f.Float64Var(&c.load.Rate, "rate", 0, "with --repeat: how many requests a second (default no limit)")
	f.StringVar(&c.report, "report", "text", "with --repeat: how to report, text or json")
}

// registerNetwork registers the flags that say how to reach the server.
func (c *callFlags) registerNetwork(f curlSet) {
	n := &c.network
	f.list(&n.Resolve, "resolve")
	f.list(&n.ConnectTo, "connect-to")
	f.flag(&c.ipv4, "ipv4")
	f.flag(&c.ipv6, "ipv6")
	f.flag(&c.http1, "http1.1")
	f.flag(&n.HTTP2, "http2")
	f.text(&c.limitRate, "limit-rate")
	f.text(&n.Proxies.Flag, "proxy")
	f.text(&n.Proxies.User, "proxy-user")
	f.text(&n.Proxies.NoProxy, "noproxy")
	f.flag(&n.Proxies.Tunnel, "proxytunnel")
	f.text(&c.socks5, "socks5")
	f.text(&c.socks5h, "socks5-hostname")
	registerTLS(f.FlagSet, n)
}

// registerTLS registers the flags that say which servers to trust.
func registerTLS(flags *pflag.FlagSet, network *call.Network) {
	f := curlSet{flags}
	f.flag(&network.Insecure, "insecure")
	f.text(&network.CACert, "cacert")
	readFrom(flags, "cacert", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE")
}

// check finds flags that contradict each other.
func (c *callFlags) check(command *cobra.Command, targets []string) error {
	changed := command.Flags().Changed
	switch {
	case slices.Contains(c.outputs, output{}):
		return empty("output")
	case c.caller.Fail && c.failWithBody:
		return errors.New("use one of --fail and --fail-with-body, not both")
	case c.retry < 0 || c.maxTime < 0 || c.connectTimeout < 0 || c.caller.MaxRedirects < -1:
		return errors.New("--retry, --max-time, --connect-timeout and --max-redirs must not be negative")
	case c.caller.RemoteHeaderName && c.caller.Include:
		return errors.New("use one of --remote-header-name and --include, not both")
	case c.user != "" && c.bearer != "":
		return errors.New("use one of --user and --oauth2-bearer, not both: a request has one header Authorization")
	case c.ipv4 && c.ipv6:
		return errors.New("use one of --ipv4 and --ipv6, not both")
	case !changed("repeat") && (changed("concurrency") || changed("rate") || changed("report")):
		return errors.New("--concurrency, --rate and --report go with --repeat: add --repeat N")
	case changed("repeat") && (len(c.outputs) > 0 || c.remoteNameAll || c.caller.Include || c.caller.Verbose ||
		c.caller.WriteOut != "" || c.caller.Follow || c.caller.DumpHeader != "" || c.cookieJar != "" ||
		c.pretty || c.harFile != ""):
		return errors.New("--repeat keeps no responses and follows no redirects: " +
			"leave out -o, -O, -i, -v, -w, -L, -D, -c, --pretty and --har")
	case c.harFile == "-" && len(c.outputs) < len(targets) && !c.remoteNameAll:
		return errors.New("--har - needs the standard output for itself: write the responses to files with -o")
	case changed("repeat") && len(targets) > 1:
		return fmt.Errorf("--repeat is for one URL, and there are %d: %s", len(targets), strings.Join(quoted(targets), " "))
	case c.report != "text" && c.report != "json":
		return fmt.Errorf("--report %q is neither text nor json", c.report)
	}
	return nil
}

// settleNetwork gives the network what several flags say together.
func (c *callFlags) settleNetwork(p *program, command *cobra.Command) error {
	n := &c.network
	n.ConnectTimeout = seconds(c.connectTimeout)
	switch {
	case c.ipv4:
		n.Family = "4"
	case c.ipv6:
		n.Family = "6"
	}
	n.HTTP2 = n.HTTP2 && !c.http1
	changed := command.Flags().Changed
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" { // elsewhere Go reads it by itself
		n.SystemCerts = p.getenv("SSL_CERT_FILE")
	}
	n.Proxies.Given = changed("proxy") || changed("socks5") || changed("socks5-hostname")
	n.Proxies.NoProxyGiven = changed("noproxy")
	if c.socks5 != "" {
		n.Proxies.Flag = "socks5://" + c.socks5
	}
	if c.socks5h != "" {
		n.Proxies.Flag = "socks5h://" + c.socks5h
	}
	var err error
	if n.Rate, err = parseRate(c.limitRate); err != nil {
		return usage(command, err)
	}
	return nil
}

// parseRate reads a number of bytes with a unit, as curl does.
func parseRate(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	number := strings.TrimRight(text, "bBkKmMgG")
	factor := int64(1)
	if unit := text[len(number):]; len(unit) == 1 {
		factor = map[string]int64{"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[strings.ToLower(unit)]
	} else if unit != "" {
		number = ""
	}
	const most = 1 << 20
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || factor > 1 && n > most {
		return 0, fmt.Errorf("--limit-rate %q is not a number of bytes, such as 100000, 200K or 1M", text)
	}
	return n * factor, nil
}

// outputFor is where the response of a URL goes, the nth of the command line.
func (c *callFlags) outputFor(n int) output {
	if n < len(c.outputs) {
		return c.outputs[n]
	}
	return output{remote: c.remoteNameAll}
}

// unsigned says why the requests go out unsigned, "" if they do not.
func (c *callFlags) unsigned(command *cobra.Command) string {
	switch {
	case c.noSign:
		return "--no-sign"
	case command.Flags().Changed("no-sign"): // =false
		return ""
	case c.Has("Authorization"):
		return "the header Authorization"
	case c.bearer != "":
		return "--oauth2-bearer"
	case c.user != "" && !command.Flags().Changed("aws-sigv4"):
		return "--user without --aws-sigv4"
	}
	return ""
}

// login is the header Authorization of an unsigned request, "" for none.
func (c *callFlags) login(p *program, command *cobra.Command) (string, error) {
	if c.bearer != "" {
		return call.Bearer(c.bearer), nil
	}
	if c.user == "" {
		return "", nil
	}
	if !strings.Contains(c.user, ":") {
		password, err := p.password(c.user)
		if err != nil {
			return "", usage(command, err)
		}
		c.user += ":" + password
	}
	return call.Basic(c.user), nil
}

// readStdinOnce keeps the standard input for several URLs that send it, each of them all of it, as curl does.
func (q *requestFlags) readStdinOnce(urls int) error {
	uses := slices.ContainsFunc(q.Data, func(d call.Data) bool { return strings.HasSuffix(d.Value, "@-") }) ||
		slices.ContainsFunc(q.Form, func(f call.Field) bool {
			return strings.HasSuffix(f.Value, "=@-") || strings.HasSuffix(f.Value, "=<-")
		})
	if urls < 2 || !uses || q.Stdin == nil {
		return nil
	}
	const most = 1 << 30
	var err error
	if q.stdin, err = io.ReadAll(io.LimitReader(q.Stdin, most+1)); err != nil {
		return err
	}
	if len(q.stdin) > most {
		return fmt.Errorf("the standard input has more than %d bytes, too many to send several times", most)
	}
	q.Stdin = bytes.NewReader(q.stdin)
	return nil
}
