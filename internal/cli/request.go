package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/furl-dev/furl/internal/call"
)

// registerRequest registers the flags that say what to send, with curl's names.
func registerRequest(command *cobra.Command, q *call.Request) {
	f := command.Flags()
	f.StringVarP(&q.Method, "request", "X", "", "method (default GET, or what the body implies)")
	f.StringArrayVarP(&q.Headers, "header", "H", nil,
		"header \"NAME: VALUE\", \"NAME:\" to leave one out, or @FILE; may be repeated")
	for _, flag := range []struct {
		name, short string
		encoding    call.Encoding
		usage       string
	}{
		{"data", "d", call.Plain, "body, or @FILE without its line ends; may be repeated, joined with &"},
		{"data-raw", "", call.Raw, "as --data, but @ has no meaning"},
		{"data-binary", "", call.Binary, "body, or @FILE unchanged"},
		{"data-urlencode", "", call.URLEncode, "body, percent-encoded: CONTENT, NAME=CONTENT, @FILE or NAME@FILE"},
		{"json", "", call.JSON, "JSON body, or @FILE, with the headers that belong to it"},
	} {
		f.VarP(dataFlag{&q.Data, flag.encoding}, flag.name, flag.short, flag.usage)
	}
	f.VarP(formFlag{&q.Form, false}, "form", "F",
		"form field NAME=CONTENT, NAME=@FILE or NAME=<FILE, with ;type= and ;filename=; may be repeated")
	f.Var(formFlag{&q.Form, true}, "form-string", "form field NAME=CONTENT, in which @, < and ; have no meaning")
	f.StringVarP(&q.Upload, "upload-file", "T", "", "file to send with PUT, or - for the standard input")
	f.BoolVarP(&q.Get, "get", "G", false, "put the data into the query")
	f.BoolVarP(&q.Head, "head", "I", false, "send HEAD and print the headers")
	f.BoolVar(&q.Compressed, "compressed", false, "ask for a compressed response and decompress it")
	for name, short := range map[string]string{"path-as-is": "", "globoff": "g"} { // curl needs them, furl does not
		f.BoolP(name, short, true, "always the case")
		f.Lookup(name).Hidden = true
	}
	f.StringVarP(&q.UserAgent, "user-agent", "A", "furl/"+buildVersion(), "User-Agent header")
}

// dataFlag collects the data of all these flags in the order of the command line.
type dataFlag struct {
	data     *[]call.Data
	encoding call.Encoding
}

var _ pflag.Value = dataFlag{}

func (d dataFlag) String() string { return "" }
func (d dataFlag) Type() string   { return "data" }

func (d dataFlag) Set(value string) error {
	*d.data = append(*d.data, call.Data{Encoding: d.encoding, Value: value})
	return nil
}

// formFlag collects form fields.
type formFlag struct {
	fields  *[]call.Field
	literal bool
}

var _ pflag.Value = formFlag{}

func (d formFlag) String() string { return "" }
func (d formFlag) Type() string   { return "field" }

func (d formFlag) Set(value string) error {
	*d.fields = append(*d.fields, call.Field{Value: value, Literal: d.literal})
	return nil
}
