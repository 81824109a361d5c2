package call

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxFormat bounds a file with the format of -w.
const maxFormat = 64 << 10

// formatPart is a part of a format: a variable or a header, one that no brace closes, or text.
var formatPart = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)%%|(%(header)?\{([^}]*)\})|(%(?:header)?\{.*)|[^%]+|%`)
})

// escapes are those of the text.
var escapes = strings.NewReplacer("%%", "%", `\n`, "\n", `\r`, "\r", `\t`, "\t", `\\`, `\`)

// writeOut writes the format of -w for an exchange that has ended.
type writeOut struct {
	*exchange
	result Result
	failed error
}

// write fills in the variables of the format, curl's and a few of furl's own. The user wrote the text between the
// variables and may color it; the values come from outside.
func (x writeOut) write(format string) error {
	if name, isFile := strings.CutPrefix(format, "@"); isFile {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxFormat))
		if err != nil {
			return err
		}
		format = strings.NewReplacer("\r", "", "\n", "").Replace(string(text)) // as in curl, "\n" makes a line end
	}
	values, text := x.caller.Stdout, x.caller.RawStdout
	variables := x.variables()
	for _, part := range formatPart().FindAllStringSubmatch(format, -1) {
		whole, isVariable, name, unclosed := part[0], part[1] != "", part[3], part[4]
		value, known := variables[name]
		var err error
		switch {
		case unclosed != "":
			io.WriteString(text, unclosed)
		case !isVariable:
			escapes.WriteString(text, whole)
		case part[2] == "header":
			if x.response != nil {
				io.WriteString(values, x.response.Header.Get(name))
			}
		case name == "onerror": // as in curl: what follows is for failures
			if x.failed == nil && (!x.caller.Fail || x.result.Status < http.StatusBadRequest) {
				return nil
			}
		case name == "stdout":
			values, text = x.caller.Stdout, x.caller.RawStdout
		case name == "stderr":
			values, text = x.caller.Stderr, x.caller.RawStderr
		case name == "header_json":
			err = x.writeHeaders(values)
		case name == "json":
			err = writeJSON(values, typed(variables))
		case known:
			io.WriteString(values, value)
		default:
			fmt.Fprintf(x.caller.Stderr, "furl: --write-out has no variable %q\n", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// variables are those of curl that furl can fill in, and refused_by, request_id and explain.
func (x writeOut) variables() map[string]string {
	t := x.timing.read()
	seconds := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }
	speed := func(n int64) string { return strconv.FormatInt(int64(float64(n)/max(t.total.Seconds(), 1e-6)), 10) }
	code := fmt.Sprintf("%03d", x.result.Status)
	v := map[string]string{
		"http_code": code, "response_code": code, "method": x.method, "scheme": x.url.Scheme, "url": x.url.String(),
		"url_effective": x.url.String(), "num_redirects": strconv.Itoa(x.redirects), "num_connects": strconv.Itoa(t.connects),
		"time_namelookup": seconds(t.name), "time_connect": seconds(t.connect), "time_appconnect": seconds(t.tls),
		"time_pretransfer": seconds(t.wrote), "time_starttransfer": seconds(t.first), "time_total": seconds(t.total),
		"size_upload": strconv.FormatInt(x.sent.Load(), 10), "size_download": strconv.FormatInt(x.received.Load(), 10),
		"speed_upload": speed(x.sent.Load()), "speed_download": speed(x.received.Load()),
		"filename_effective": x.written(), "errormsg": "", "content_type": "", "http_version": "0", "redirect_url": "",
		"num_headers": "0", "urlnum": strconv.Itoa(x.caller.Number), "ssl_verify_result": "0", "refused_by": string(x.result.Refusal.Layer), "request_id": "",
		"explain": x.result.Refusal.Explain,
	}
	v["remote_ip"], v["remote_port"], _ = net.SplitHostPort(t.remote) // empty without a connection
	v["local_ip"], v["local_port"], _ = net.SplitHostPort(t.local)
	if x.failed != nil {
		v["errormsg"] = x.failed.Error()
	}
	if resp := x.response; resp != nil {
		v["content_type"] = resp.Header.Get("Content-Type")
		v["http_version"] = strings.TrimPrefix(resp.Proto, "HTTP/")
		v["num_headers"] = strconv.Itoa(len(fieldsOf(x.wire.head(resp, false))))
		v["request_id"] = resp.Header.Get("X-Amzn-Requestid")
		if x.redirects > 0 {
			v["url_effective"] = resp.Request.URL.String()
		}
		v["redirect_url"] = redirectURL(resp)
	}
	return v
}

// writeHeaders writes the response's headers as JSON, by their names in lower case, in the order of their arrival, each
// with the list of its values.
func (x writeOut) writeHeaders(w io.Writer) error {
	if x.response == nil {
		return writeJSON(w, struct{}{})
	}
	values := map[string][]string{}
	var names []string
	for _, field := range fieldsOf(x.wire.head(x.response, false)) {
		name := strings.ToLower(field.Name)
		if values[name] == nil {
			names = append(names, name)
		}
		values[name] = append(values[name], field.Value)
	}
	before := "{"
	for _, name := range names {
		io.WriteString(w, before)
		if err := writeJSON(w, name); err != nil {
			return err
		}
		io.WriteString(w, ":")
		if err := writeJSON(w, values[name]); err != nil {
			return err
		}
		before = ",\n"
	}
	_, err := io.WriteString(w, "\n}")
	return err
}

func writeJSON(w io.Writer, value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.Write(encoded)
	return nil
}

// redirectURL returns the URL of a redirect that was not followed.
func redirectURL(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil || resp.StatusCode < 300 || resp.StatusCode > 399 {
		return ""
	}
	return to.String()
}

// typed returns the values of %{json}, with numbers as numbers.
func typed(variables map[string]string) map[string]any {
	numbers := []string{"urlnum", "ssl_verify_result", "http_code", "response_code", "local_port", "remote_port"}
	out := make(map[string]any, len(variables))
	for name, value := range variables {
		out[name] = value
		if strings.HasPrefix(name, "time_") || strings.HasPrefix(name, "size_") || strings.HasPrefix(name, "speed_") ||
			strings.HasPrefix(name, "num_") || slices.Contains(numbers, name) {
			if number, err := strconv.ParseFloat(value, 64); err == nil {
				out[name] = number
			}
		}
	}
	return out
}
