package cli_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/spf13/cobra"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/cli"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

// Errors of other packages get the exit status and the hint of their row, and no row is out of reach.
func TestErrorsHaveARow(t *testing.T) {
	status := func(code int) error {
		return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: code}}}
	}
	api := func(kind awsapi.Kind) error { return &awsapi.Error{Kind: kind, Action: "lambda:GetPolicy"} }
	refusal := func(header http.Header, message string) error {
		response := &http.Response{StatusCode: http.StatusForbidden, Header: header}
		return &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: response},
			Err:      &smithy.GenericAPIError{Code: "AccessDenied", Message: message},
		}
	}
	local := http.Header{"Furl-Explain": {"http://127.0.0.1:9000/_furl/requests/ID"}, "X-Amzn-Requestid": {"ID"}}
	const lacking = "User: arn:aws:iam::123456789012:user/mallory is not authorized to perform: lambda:GetPolicy on resource: " +
		"arn:aws:lambda:eu-central-1:123456789012:function:web because no identity-based policy allows the lambda:GetPolicy action"
	const session = "User: arn:aws:sts::123456789012:assumed-role/caller/me is not authorized to perform: iam:GetRole"
	const forbidden = lacking + " with an explicit deny in an identity-based policy"
	dial := func(op, address string, err error) error {
		tcp, addressErr := net.ResolveTCPAddr("tcp", address)
		if addressErr != nil {
			t.Fatal(addressErr)
		}
		return &net.OpError{Op: op, Net: "tcp", Addr: tcp, Err: err}
	}
	certificate := &x509.Certificate{DNSNames: []string{"a.example"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)}}
	half := func(err error) error { return &setup.PartialError{Done: []setup.Change{{}}, Err: err} }
	const localKeys = `eval "$(furl env)"`
	rows := cli.ErrorTable()
	reached := map[int]bool{}
	for _, test := range []struct {
		err  error
		code int
		hint string // part of it; "" for none
	}{
		{errors.New("unknown command \"x\" for \"furl\""), 2, "furl --help"},
		{&setup.Refusal{Instead: "furl url update web", Now: true}, 1, "furl url update web"},
		{&setup.Refusal{Instead: "furl url create web"}, 2, "furl url create web"},
		{&setup.Refusal{}, 2, ""},
		{&arn.Error{}, 2, ""},
		{awsapi.ErrNoRegion, 2, "--region REGION"},
		{api(awsapi.Denied), 4, "the credentials need the permission lambda:GetPolicy"},
		{api(awsapi.BadCredentials), 4, "aws sts get-caller-identity   # or"},
		{api(awsapi.NoCredentials), 6, localKeys},
		{fmt.Errorf("%w: none", furl.ErrCredentials), 6, localKeys},
		{api(awsapi.Unreachable), 5, "--endpoint-url ADDRESS, or check --region"},
		{api(awsapi.Unsupported), 1, "does not have the operation"},
		{half(api(awsapi.Denied)), 4, "the credentials need the permission lambda:GetPolicy"},
		{half(api(awsapi.Conflict)), 1, "the same command again"},
		{&setup.PartialError{Err: api(awsapi.Conflict)}, 1, ""},
		{&awsapi.Error{Kind: awsapi.Failed, Err: status(http.StatusForbidden)}, 1, ""},
		{fmt.Errorf("%w: refused", call.ErrConnect), 5, ""},
		{&smithyhttp.RequestSendError{Err: errors.New("refused")}, 5, ""},
		{fmt.Errorf("%w: two bodies", furl.ErrRequest), 2, ""},
		{status(http.StatusForbidden), 4, "aws sts get-caller-identity"},
		{status(http.StatusBadRequest), 1, ""},
		{awsconfig.CheckEndpoint("localhost:9000"), 2, "--endpoint-url ADDRESS, for example"},
		{&awsconfig.UnknownProfile{Profile: "x", Known: []string{"a", "b"}}, 6, "--profile NAME with one of a, b"},
		{&awsconfig.UnknownProfile{Profile: "x"}, 6, "aws configure --profile x"},
		{&furlproto.ProxyError{Host: "proxy:3128", Status: 407}, 5, "HTTPS_PROXY=http://USER:PASSWORD@proxy:3128 with"},
		{&furlproto.ProxyError{Host: "proxy:3128", Status: 403}, 5, "check HTTPS_PROXY, or NO_PROXY=HOST to go without the proxy, proxy:3128"},
		{dial("proxyconnect", "127.0.0.1:1", cli.RefusedConnection), 5, "check HTTPS_PROXY"},
		{http.ErrSchemeMismatch, 5, "http:// in place of https://"},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, 5, "http:// in place of https://"},
		{errors.New(`net/http: malformed HTTP response "\x15\x03\x01"`), 5, "https:// in place of http://"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, 5, "--cacert FILE or AWS_CA_BUNDLE=FILE"},
		{x509.UnknownAuthorityError{Cert: &x509.Certificate{DNSNames: []string{"localhost"}}}, 5, "furl ca path"},
		{x509.HostnameError{Certificate: certificate, Host: "b.example"}, 5, "is for: a.example, 192.0.2.1"},
		{x509.CertificateInvalidError{Reason: x509.Expired}, 5, "is this machine's clock right?"},
		{&net.DNSError{Name: "app", IsNotFound: true}, 5, "furl url list app   # there is no host app, and if it is a function: the function and its aliases have URLs, its versions have none"},
		{&net.DNSError{Name: "lambda.mars-1.amazonaws.com", IsNotFound: true}, 5, "there is no host lambda.mars-1.amazonaws.com"},
		{dial("dial", "127.0.0.1:9000", cli.RefusedConnection), 5, "furl serve   # nothing listens at 127.0.0.1:9000"},
		{refusal(local, "because"), 4, "furl explain ID"},
		{fmt.Errorf("%w: %w", furl.ErrCredentials, refusal(local, "because")), 4, "furl explain ID"}, // to assume a role
		{&awsapi.Error{Kind: awsapi.NoCredentials, Err: refusal(local, lacking)}, 4, "allow-GetPolicy"},
		{refusal(local, lacking), 4, "aws iam put-user-policy --user-name mallory --policy-name allow-GetPolicy --policy-document"},
		{refusal(nil, session), 4, "aws iam put-role-policy --role-name caller --policy-name allow-GetRole --policy-document"},
		{refusal(nil, forbidden), 4, "aws sts get-caller-identity"},
		{&awsapi.Error{Kind: awsapi.Denied, Action: "lambda:GetPolicy", Message: lacking, Err: refusal(local, lacking)}, 4, "furl explain ID"},
		{&awsapi.Error{Kind: awsapi.NotFound, Action: "iam:GetRole"}, 1, "aws iam list-roles"},
		{&awsapi.Error{Kind: awsapi.NotFound, Action: "iam:GetUser"}, 1, "aws iam list-users"},
		{context.Canceled, 1, ""}, // not by an interruption of the command
		{errors.New("anything"), 1, ""},
	} {
		for _, err := range []error{test.err, fmt.Errorf("profile x: %w", test.err)} {
			row, hint := cli.Outcome(err)
			if strings.HasPrefix(err.Error(), "profile x: unknown command") {
				continue // recognized by its text
			}
			reached[row] = true
			if got := rows[row].Code; got != test.code || !strings.Contains(hint, test.hint) || test.hint == "" && hint != "" {
				t.Errorf("%v: exit status %d, hint %q; want %d, %q", err, got, hint, test.code, test.hint)
			}
		}
	}
	for i, row := range rows {
		if row.Matches && !reached[i] {
			t.Errorf("no error is of row %d, %+v", i, row)
		}
	}
}

// sources are the files of the package without its tests.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	names, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, entry := range names {
		if name := entry.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			if files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	return files
}

// Each kind of the table is used, with as many arguments as its hint has places, and each other row matches something.
func TestKindsOfErrorsAreUsed(t *testing.T) {
	rows := cli.ErrorTable()
	files := sources(t)
	kinds := map[string]int{}
	ast.Inspect(files["exit.go"], func(n ast.Node) bool {
		block, ok := n.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			return true
		}
		if first, ok := block.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident); ok && first.Name == "kind" {
			for i, spec := range block.Specs {
				kinds[spec.(*ast.ValueSpec).Names[0].Name] = i
			}
		}
		return true
	})
	used := map[string]bool{"interrupted": true} // by outcome
	for name, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			called, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			function, ok := called.Fun.(*ast.Ident)
			if !ok || function.Name != "fail" {
				return true
			}
			kind := called.Args[0].(*ast.Ident).Name
			used[kind] = true
			if want, got := strings.Count(rows[kinds[kind]].Hint, "%s"), len(called.Args)-2; got != want {
				t.Errorf("%s: fail(%s, …) has %d arguments for a hint with %d places", name, kind, got, want)
			}
			return true
		})
	}
	if len(kinds) == 0 || len(used) != len(kinds) {
		t.Errorf("kinds %v, used %v", slices.Sorted(maps.Keys(kinds)), slices.Sorted(maps.Keys(used)))
	}
	for name := range kinds {
		if !used[name] {
			t.Errorf("%s is not used", name)
		}
	}
	for i := range len(rows) - len(kinds) {
		if !rows[len(kinds)+i].Matches {
			t.Errorf("row %d has neither a name nor a match", len(kinds)+i)
		}
	}
}

var statusCode = regexp.MustCompile(`(?:^|[ ,])(\d+) [a-z]`)

// The exit statuses in each help text are those that the table has.
func TestExitStatusesOfHelp(t *testing.T) {
	codes := map[int]bool{0: true}
	for _, row := range cli.ErrorTable() {
		codes[row.Code] = true
	}
	stated := map[int]bool{}
	var walk func(*cobra.Command)
	walk = func(command *cobra.Command) {
		for _, child := range command.Commands() {
			walk(child)
		}
		if command.HasSubCommands() || command.Name() == "help" || command.Parent().Name() == "completion" {
			return
		}
		_, paragraph, ok := strings.Cut(command.Long, "\n\nExit status: ")
		if !ok || !strings.HasSuffix(paragraph, ".") || strings.Contains(paragraph, "\n\n") {
			t.Errorf("%s: the help text does not end with the exit status: %q", command.CommandPath(), paragraph)
		}
		own := map[int]bool{}
		for _, found := range statusCode.FindAllStringSubmatch(strings.ReplaceAll(paragraph, "\n", " "), -1) {
			code, err := strconv.Atoi(found[1])
			if err != nil {
				t.Fatal(err)
			}
			if code == 400 || code == 403 {
				continue // of HTTP
			}
			own[code], stated[code] = true, true
			if !codes[code] {
				t.Errorf("%s: no error has exit status %d: %q", command.CommandPath(), code, paragraph)
			}
		}
		if !own[0] || !own[2] {
			t.Errorf("%s: the help text does not say when it exits with 0 and with 2: %q", command.CommandPath(), paragraph)
		}
		for line := range strings.Lines(command.Long) {
			if len([]rune(line)) > 121 && !strings.Contains(line, `"identityPolicies"`) {
				t.Errorf("%s: a line of %d columns: %s", command.CommandPath(), len(line)-1, line)
			}
		}
	}
	walk(cli.Root())
	if len(stated) != len(codes) {
		t.Errorf("the help texts state %v, the table has %v",
			slices.Sorted(maps.Keys(stated)), slices.Sorted(maps.Keys(codes)))
	}
}
