package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/policy"
)

// Bounds of what is read from a directory.
const (
	maxFiles    = 10_000
	maxFileSize = 1 << 20 // bytes
)

// saved is the content of one file: what the AWS CLI printed for get-policy, get-function-url-config or
// list-function-url-configs, or a policy by itself.
type saved struct {
	Policy             *string
	FunctionUrlConfigs []savedURL
	savedURL

	Version   json.RawMessage
	Statement json.RawMessage
}

type savedURL struct {
	FunctionArn string
	FunctionUrl string
	AuthType    lambda.AuthType
}

// errNothing is the error for a directory without anything to judge.
var errNothing = errors.New("there is no saved policy and no saved function URL in it: " +
	"save them with aws lambda get-policy and aws lambda get-function-url-config")

// Offline audits what was saved from the Lambda API: all files of the directory and those below it whose names end
// in .json, whatever else their names are. What a file is about it says itself. An empty file is what the AWS CLI leaves
// where there was nothing to print; a file that cannot be understood leaves the verdict open.
func Offline(dir fs.FS) (Audit, error) {
	o := offline{entries: map[string]*Entry{}}
	err := fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || path.Ext(name) != ".json" {
			return nil
		}
		if o.files++; o.files > maxFiles {
			return fmt.Errorf("more than %d files", maxFiles)
		}
		return o.readFile(dir, name, entry)
	})
	if err != nil {
		return Audit{}, err
	}
	if len(o.entries) == 0 {
		faults := []error{errNothing}
		for _, note := range o.notes {
			faults = append(faults, errors.New(note))
		}
		return Audit{}, errors.Join(faults...)
	}
	var entries []Entry
	for _, entry := range o.entries {
		entries = append(entries, *entry)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Function.String(), b.Function.String()) })
	audit := AuditOf(entries)
	audit.Notes = o.notes
	if o.unread && audit.Verdict == Allowed {
		audit.Verdict = Undecided
	}
	return audit, nil
}

// offline collects what files say of each function.
type offline struct {
	files   int
	entries map[string]*Entry // by ARN
	notes   []string
	unread  bool // some file may hold a policy that was not understood
}

func (o *offline) readFile(dir fs.FS, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFileSize {
		o.fault(name, "is no file, or larger than %d bytes", maxFileSize)
		return nil
	}
	text, err := fs.ReadFile(dir, name)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(text)) == 0 {
		o.note(name, "is empty")
		return nil
	}
	var content saved
	if err := json.Unmarshal(text, &content); err != nil {
		o.fault(name, "%v", err)
		return nil
	}
	switch {
	case content.Policy != nil:
		o.addPolicy(name, *content.Policy)
	case content.Statement != nil:
		o.addPolicy(name, string(text))
	case content.FunctionUrlConfigs != nil:
		for _, url := range content.FunctionUrlConfigs {
			o.addURL(name, url)
		}
	case content.FunctionUrl != "":
		o.addURL(name, content.savedURL)
	default:
		o.note(name, "is neither a policy nor a function URL's configuration")
	}
	return nil
}

func (o *offline) note(name, format string, arguments ...any) {
	o.notes = append(o.notes, name+": left out: "+fmt.Sprintf(format, arguments...))
}

// fault notes a file that may be about a function for all that could be made of it.
func (o *offline) fault(name, format string, arguments ...any) {
	o.note(name, format, arguments...)
	o.unread = true
}

func (o *offline) entry(arn lambda.ARN) *Entry {
	known, ok := o.entries[arn.String()]
	if !ok {
		known = &Entry{Function: arn}
		o.entries[arn.String()] = known
	}
	return known
}

func (o *offline) addURL(name string, url savedURL) {
	arn, err := lambda.ParseARN(url.FunctionArn)
	if err != nil {
		o.fault(name, "%v", err)
		return
	}
	entry := o.entry(arn)
	entry.Address, entry.AuthType = url.FunctionUrl, url.AuthType
}

// addPolicy takes a policy for that of the function or alias which its statements are about.
func (o *offline) addPolicy(name, text string) {
	document, err := policy.Parse([]byte(text), policy.Resource)
	if err != nil {
		o.fault(name, "policy: %v", err)
		return
	}
	var arns []lambda.ARN
	for _, s := range document.Statements() {
		var about struct{ Resource string }
		if err := json.Unmarshal(s.JSON, &about); err != nil {
			o.fault(name, "%v", err)
			return
		}
		arn, err := lambda.ParseARN(about.Resource)
		if err != nil {
			o.note(name, "%v", err)
			return
		}
		if !slices.Contains(arns, arn) {
			arns = append(arns, arn)
		}
	}
	if len(arns) != 1 {
		o.fault(name, "its statements are about %d functions, not about one", len(arns))
		return
	}
	entry := o.entry(arns[0])
	if entry.Policy != "" && entry.Policy != text {
		o.fault(name, "there is another policy of %s, which differs", arns[0])
		return
	}
	entry.Policy = text
}
