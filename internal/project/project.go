// Package project finds out what a person has on disk: a template of SAM or CloudFormation, what `sam build` made of it,
// a cdk.out, a Serverless project, a source directory, or a plain web server. It reads the files and answers the stack
// that they declare, with the place of each function's code.
//
// It changes nothing and runs nothing.
package project

import (
	"github.com/furl-dev/furl/internal/template"
)

// Form is what a project is declared with.
type Form string

// The forms.
const (
	CloudFormation Form = "CloudFormation"
	SAM            Form = "SAM"
	CDK            Form = "CDK"
	Serverless     Form = "Serverless"
	Source         Form = "source directory"
	WebServer      Form = "web server"
)

// Options say what to read, and what a template needs besides.
type Options struct {
	Path     string // a file or a directory; "" is the working directory
	Template template.Options
	Function Function // for a source directory or a web server
}

// Function is the one function of a source directory or a web server.
type Function struct {
	Name, Handler, Runtime string // guessed where it is plain what is meant
	AuthType, InvokeMode   string // AWS_IAM and BUFFERED if they are empty
	Upstream               string // address of the web server, "" for a source directory
}

// Project is what was found. Its stacks are in the order in which they must be made.
type Project struct {
	Form    Form
	Root    string   // absolute directory of the project, where furl.toml may be
	Files   []string // absolute paths of the files that declare it: when one changes, it is read again
	Stacks  []*template.Stack
	Guessed []string // what was guessed, a sentence each

	code map[*template.Stack]string // the directory that code paths are relative to
}
