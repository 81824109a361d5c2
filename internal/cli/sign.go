package cli

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/sigv4"
)

func (p *program) sign() *cobra.Command {
	var (
		signing signing
		request requestFlags
		as      string
		expires = time.Hour
	)
	command := &cobra.Command{
		Use:   "sign URL|FUNCTION[/PATH]",
		Short: "Print the signed request that call would send, without sending it",
		Long: `Print the signed request that furl call would send with the same flags, without sending it:

  --as curl      a curl command for a POSIX shell
  --as http      the HTTP/1.1 message
  --as headers   the headers, one a line
  --as json      method, URL, headers, and the SHA-256 of the body
  --as url       a link that carries its own signature, valid for the time of --expires
  --as python    a program for botocore and requests
  --as js        a program for Node.js and aws4fetch
  --as go        a program for furl's own library

The programs sign when they run, with the credentials that they find then: --as js in the environment, the others where
the AWS CLI does. They have no secrets but those of the request itself.

The signature of a link holds for the time of --expires, but not longer than the session of temporary credentials. Any
other signature holds for five minutes. Everyone who reads a signed request can send it.

` + exitStatus(status{exitOK: "printed", exitDenied: "no permission to look up the function's URL"},
			exitFailed, exitUsage, exitConnect, exitCredentials, exitInterrupted),
		Example: `  furl sign 'https://XYZ.lambda-url.eu-central-1.on.aws/book?page=5' --as curl | sh
  furl sign my-function/report --as url --expires 15m
  furl sign my-function/login --json '{"user": "a"}' --as python > login.py`,
		RunE: func(command *cobra.Command, args []string) error {
			targets := request.targets(args)
			if err := misplaced(command, args); err != nil {
				return err
			}
			if len(targets) != 1 {
				return expected(command, args)
			}
			if request.user != "" && !command.Flags().Changed("aws-sigv4") {
				return usage(command, errors.New("furl sign signs: add --aws-sigv4 aws:amz for --user ID:SECRET, "+
					"or leave --user out"))
			}
			if !slices.Contains(call.Formats(), as) {
				return usage(command, fmt.Errorf("--as %q is none of %s", as, strings.Join(call.Formats(), ", ")))
			}
			if command.Flags().Changed("expires") && as != "url" {
				return usage(command, errors.New("--expires goes with --as url: all other signatures hold for five minutes"))
			}
			request.Bare = as == "url"
			signer, prepared, err := p.prepare(command, &signing, &request, targets)
			if err != nil {
				return err
			}
			switch {
			case as == "url":
				return p.printLink(signer, prepared, expires)
			case slices.Contains(call.Languages(), as):
				return p.printProgram(command, signer, prepared, as)
			}
			return printSigned(p.streams.Out, signer, prepared, as)
		},
	}
	signing.register(p, command)
	request.register(p, command)
	command.Flags().StringVar(&as, "as", "curl", "what to print: "+strings.Join(call.Formats(), ", "))
	command.Flags().Func("expires",
		"`duration` of a link, 1s to 168h, or a number of seconds (default 1h)", setExpiry(&expires))
	return command
}

// printLink prints a presigned URL, and on the standard error what limits its use.
func (p *program) printLink(s *signer, prepared *call.Prepared, ttl time.Duration) error {
	r := prepared.HTTP
	signed, err := s.transport.Presign(r, ttl)
	if err != nil {
		return err
	}
	if r.Body != nil {
		defer r.Body.Close()
	}
	if _, err := fmt.Fprintln(p.streams.Out, signed.URL); err != nil {
		return err
	}
	c, err := s.transport.Credentials.Retrieve(r.Context())
	if err == nil && c.CanExpire && c.Expires.Before(signed.Time.Add(ttl)) {
		p.note("the link ends with the credentials, at %s", c.Expires.UTC().Format(time.RFC3339))
	}
	if r.Method != "GET" {
		p.note("the link is for %s", r.Method)
	}
	if !prepared.Body.Empty() {
		p.note("the link is for this body of %d bytes only", r.ContentLength)
	}
	for name, values := range signed.Header {
		p.note("the link needs the header %s: %s", name, strings.Join(values, ","))
	}
	return nil
}

// printSigned prints a request with its signature in a header.
func printSigned(w io.Writer, s *signer, prepared *call.Prepared, as string) error {
	r := prepared.HTTP
	signed, err := s.transport.Sign(r)
	if err != nil {
		return err
	}
	if r.Body != nil {
		defer r.Body.Close()
	}
	switch as {
	case "curl":
		return prepared.WriteCurl(w)
	case "http":
		return prepared.WriteHTTP(w)
	case "headers":
		return prepared.WriteHeaders(w)
	}
	ends := signed.Time.Add(sigv4.DefaultMaxSkew)
	if c, err := s.transport.Credentials.Retrieve(r.Context()); err == nil && c.CanExpire && c.Expires.Before(ends) {
		ends = c.Expires
	}
	return prepared.WriteJSON(w, hex.EncodeToString(signed.PayloadHash[:]), ends)
}

// printProgram prints a program that signs and sends the request.
func (p *program) printProgram(command *cobra.Command, s *signer, prepared *call.Prepared, language string) error {
	s.transport.OnSign = func(*http.Request, sigv4.Signed) {} // for the canonical request
	host := strings.ToLower(cmp.Or(prepared.HTTP.Host, prepared.URL.Host))
	program := call.Program{
		Region: s.transport.Domains[host], Service: s.transport.Service, Profile: s.place.options.Profile,
		SignHost: s.signHost,
	}
	if s.place.options.RoleARN != "" || language == "js" && program.Profile != "" {
		p.note("the program does not take on the role or the profile of the command line: put credentials into its environment")
	}
	err := program.Write(p.streams.Out, prepared, language, s.transport.Sign)
	if cannot, ok := errors.AsType[*call.ProgramError](err); ok {
		return usage(command, cannot)
	}
	return err
}

// setExpiry reads a duration, or a number of seconds as in the AWS CLI.
func setExpiry(expires *time.Duration) func(string) error {
	return func(text string) error {
		d, err := time.ParseDuration(text)
		if n, numeric := strconv.Atoi(text); numeric == nil {
			d, err = time.Duration(min(max(n, -1), int(sigv4.MaxPresign/time.Second)+1))*time.Second, nil
		}
		if err != nil {
			return err
		}
		if d < time.Second || d > sigv4.MaxPresign || d%time.Second != 0 {
			return errors.New("a link is valid for 1s to 168h, in whole seconds")
		}
		*expires = d
		return nil
	}
}
