//go:build unix

package project_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/project"
	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/usertest"
)

// write writes the files of a txtar text below a directory called demo, which it answers with its links resolved. An
// empty file whose name ends in a slash is a directory.
func write(t *testing.T, text string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root = filepath.Join(root, "demo")
	for _, file := range txtar.Parse([]byte(text)).Files {
		path := filepath.Join(root, filepath.FromSlash(file.Name))
		if strings.HasSuffix(file.Name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = os.WriteFile(path, file.Data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

func options(path string) project.Options {
	return project.Options{
		Path:     path,
		Template: template.Options{Account: "123456789012", Region: "eu-central-1"},
		Version: func(interpreter string) string {
			return map[string]string{"python3": "3.12.4", "node": "v23.1.0"}[interpreter]
		},
	}
}

// described is what a project has, for comparison: a line for each function with its code, URL and permission.
func described(t *testing.T, root string, p *project.Project) []string {
	t.Helper()
	var out []string
	for _, stack := range p.Stacks {
		for _, resource := range stack.Resources {
			value, err := stack.Value(resource, nil)
			if err != nil {
				t.Fatal(err)
			}
			switch value := value.(type) {
			case *template.Function:
				code, err := p.CodePath(stack, value.Code)
				if err != nil {
					code = err.Error()
				}
				code = strings.ReplaceAll(strings.ReplaceAll(code, root+string(filepath.Separator), ""), root, ".")
				if value.Code.Inline != "" || value.Code.Bucket == "http-server" {
					code = fmt.Sprintf("%+v", value.Code)
				}
				out = append(out, fmt.Sprintf("%s: function %s %s %s, code %s", stack.Name, value.Name, value.Runtime, value.Handler, code))
			case *template.URL:
				out = append(out, fmt.Sprintf("%s: url of %s %s %s", stack.Name, value.Function, value.AuthType, value.InvokeMode))
			case *template.Permission:
				out = append(out, fmt.Sprintf("%s: permission %s of %s", stack.Name, value.Action, value.Principal))
			case *template.Role:
				out = append(out, fmt.Sprintf("%s: role %s", stack.Name, strings.Join(value.Managed, " ")))
			}
		}
	}
	return out
}

// relative are paths below a directory.
func relative(t *testing.T, root string, paths []string) []string {
	t.Helper()
	out := []string{}
	for _, path := range paths {
		short, err := filepath.Rel(root, path)
		if err != nil || !filepath.IsAbs(path) {
			t.Fatalf("%s: %v", path, err)
		}
		out = append(out, filepath.ToSlash(short))
	}
	return out
}

const (
	plain = `
-- template.yaml --
Resources:
  App:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: app
      Code: src
      Handler: app.handler
      Runtime: python3.13
      Role: arn:aws:iam::123456789012:role/app
-- src/app.py --
`
	serverlessApp = `
-- template.yaml --
Transform: AWS::Serverless-2016-10-31
Resources:
  App:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: app, CodeUri: src/, Handler: app.handler, Runtime: python3.13}
-- src/app.py --
`
	built = `
-- .aws-sam/build/template.yaml --
Transform: AWS::Serverless-2016-10-31
Resources:
  App:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: app, CodeUri: App, Handler: app.handler, Runtime: python3.13}
-- .aws-sam/build/App/app.py --
`
	assembly = `
-- cdk.out/manifest.json --
{"version": "55.0.0", "artifacts": {
 "One.assets": {"type": "cdk:asset-manifest", "properties": {"file": "One.assets.json"}},
 "A": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
  "properties": {"templateFile": "A.template.json", "parameters": {"Name": "one"}}, "dependencies": ["One.assets", "Z"], "displayName": "Prod/A"},
 "Z": {"type": "aws:cloudformation:stack", "environment": "aws://210987654321/us-east-1",
  "properties": {"templateFile": "Z.template.json", "stackName": "zeta"}},
 "Stage": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Stage"}}
}}
-- cdk.out/A.template.json --
{"Parameters": {"Name": {"Type": "String"}}, "Resources": {"App": {"Type": "AWS::Lambda::Function",
 "Properties": {"FunctionName": {"Ref": "Name"}, "Handler": "app.handler", "Runtime": "python3.13", "Role": {"Fn::ImportValue": "zeta:Role"},
  "Code": {"S3Bucket": "b", "S3Key": "h.zip"}},
 "Metadata": {"aws:asset:path": "asset.h", "aws:asset:property": "Code"}}}}
-- cdk.out/Z.template.json --
{"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "zeta", "AssumeRolePolicyDocument":
  {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}}}},
 "Outputs": {"Out": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}, "Export": {"Name": "zeta:Role"}}}}
-- cdk.out/assembly-Stage/manifest.json --
{"version": "55.0.0", "artifacts": {"Staged": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "Staged.template.json"}}}}
-- cdk.out/assembly-Stage/Staged.template.json --
{"Resources": {"App": {"Type": "AWS::Lambda::Function",
 "Properties": {"FunctionName": "staged", "Handler": "app.handler", "Runtime": "python3.13", "Role": "arn:aws:iam::123456789012:role/x",
  "Code": {"S3Bucket": "b", "S3Key": "h.zip"}}, "Metadata": {"aws:asset:path": "../asset.h"}}}}
-- cdk.out/asset.h/app.py --
`
	packaged = `
-- .serverless/cloudformation-template-update-stack.json --
{"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}, "App": {"Type": "AWS::Lambda::Function",
 "Properties": {"FunctionName": "app", "Handler": "app.handler", "Runtime": "python3.11", "Role": "arn:aws:iam::123456789012:role/x",
  "Code": {"S3Bucket": {"Ref": "Bucket"}, "S3Key": "serverless/demo/dev/1796001064136-2026/demo.zip"}}}}}
-- .serverless/demo.zip --
`
	samLines = "demo: function app python3.13 app.handler, code "
	basic    = "demo: role arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
)

// TestForms opens each form, by its directory and by its files.
func TestForms(t *testing.T) {
	assembled := []string{
		"zeta: role ",
		"A: function one python3.13 app.handler, code cdk.out/asset.h",
		"Staged: function staged python3.13 app.handler, code cdk.out/asset.h",
	}
	assemblyFiles := []string{
		"cdk.out/manifest.json", "cdk.out/assembly-Stage/manifest.json", "cdk.out/Z.template.json", "cdk.out/A.template.json",
		"cdk.out/assembly-Stage/Staged.template.json",
	}
	elsewhere := "The stack zeta is made for aws://210987654321/us-east-1; here it is in account 123456789012 and region " +
		"eu-central-1."
	for name, test := range map[string]struct {
		files, path string
		options     func(*project.Options)
		form        project.Form
		want        []string
		read        []string
		guessed     []string
	}{
		"template": {
			files: plain, form: project.CloudFormation, read: []string{"template.yaml"},
			want: []string{"demo: function app python3.13 app.handler, code src"},
		},
		"template by name": {
			files: strings.ReplaceAll(plain, "template.yaml", "infra.template"), path: "infra.template",
			form: project.CloudFormation, read: []string{"infra.template"},
			want: []string{"demo: function app python3.13 app.handler, code src"},
		},
		"template.yml, and another tool's template.yaml": {
			files: strings.ReplaceAll(plain, "template.yaml", "template.yml") + "-- template.yaml --\nkind: Deployment\n",
			form:  project.CloudFormation, read: []string{"template.yml"},
			want: []string{"demo: function app python3.13 app.handler, code src"},
		},
		"stack by name": {
			files: plain, form: project.CloudFormation, read: []string{"template.yaml"},
			options: func(o *project.Options) { o.Template.Stack = "mine" },
			want:    []string{"mine: function app python3.13 app.handler, code src"},
		},
		"sam": {
			files: serverlessApp, form: project.SAM, read: []string{"template.yaml"},
			want: []string{basic, samLines + "src"},
		},
		"sam, built, without a need for it": {
			files: serverlessApp + built, form: project.SAM, read: []string{"template.yaml"},
			want: []string{basic, samLines + "src"},
			guessed: []string{
				"template.yaml is used, and not .aws-sam/build, so that changes are seen at once: no function needs a build.",
			},
		},
		"sam, built, with requirements": {
			files: serverlessApp + "-- src/requirements.txt --\n# one\nmangum\n" + built, form: project.SAM,
			read: []string{"template.yaml", ".aws-sam/build/template.yaml"},
			want: []string{basic, samLines + ".aws-sam/build/App"},
			guessed: []string{
				`.aws-sam/build is used, so changes are seen after "sam build": App has a requirements.txt. Name template.yaml ` +
					"to use the source.",
			},
		},
		"sam, not built, with requirements": {
			files: serverlessApp + "-- src/requirements.txt --\nmangum\n", form: project.SAM, read: []string{"template.yaml"},
			want: []string{basic, samLines + "src"},
			guessed: []string{
				`template.yaml is used as it is, without a build: App has a requirements.txt. Run "sam build" if a function ` +
					"misses something.",
			},
		},
		"sam, source by name": {
			files: serverlessApp + "-- src/requirements.txt --\nmangum\n" + built, path: "template.yaml", form: project.SAM,
			read: []string{"template.yaml"}, want: []string{basic, samLines + "src"},
		},
		"sam, build by name": {
			files: serverlessApp + built, path: ".aws-sam/build", form: project.SAM,
			read: []string{".aws-sam/build/template.yaml"}, want: []string{basic, samLines + ".aws-sam/build/App"},
		},
		"sam, build by name, with requirements": {
			files: serverlessApp + built + "-- .aws-sam/build/App/requirements.txt --\nmangum\n", path: ".aws-sam/build",
			form: project.SAM, read: []string{".aws-sam/build/template.yaml"},
			want: []string{basic, samLines + ".aws-sam/build/App"},
		},
		"sam, .aws-sam by name": {
			files: serverlessApp + built, path: ".aws-sam", form: project.SAM,
			read: []string{".aws-sam/build/template.yaml"}, want: []string{basic, samLines + ".aws-sam/build/App"},
		},
		"sam, only built": {
			files: built, form: project.SAM, read: []string{".aws-sam/build/template.yaml"},
			want: []string{basic, samLines + ".aws-sam/build/App"},
		},
		"sam, build by the file": {
			files: serverlessApp + built, path: ".aws-sam/build/template.yaml", form: project.SAM,
			read: []string{".aws-sam/build/template.yaml"}, want: []string{basic, samLines + ".aws-sam/build/App"},
		},
		"samconfig": {
			files: strings.ReplaceAll(serverlessApp, "template.yaml", "infra/app.yaml") +
				"-- samconfig.toml --\nversion = 0.1\n[default.global.parameters]\nstack_name = \"shop\"\n" +
				"[default.build.parameters]\ntemplate_file = \"infra/app.yaml\"\n[prod.deploy.parameters]\nstack_name = \"p\"\n" +
				"-- infra/src/app.py --\n",
			form: project.SAM, read: []string{"samconfig.toml", "infra/app.yaml"},
			want: []string{
				strings.ReplaceAll(basic, "demo", "shop"), strings.ReplaceAll(samLines, "demo", "shop") + "infra/src",
			},
		},
		"samconfig in YAML": {
			files: strings.ReplaceAll(serverlessApp, "template.yaml", "app.yaml") +
				"-- samconfig.yaml --\ndefault:\n  global:\n    parameters: {template_file: app.yaml}\n",
			form: project.SAM, read: []string{"samconfig.yaml", "app.yaml"}, want: []string{basic, samLines + "src"},
		},
		"samconfig that deploys what is built": {
			files: serverlessApp + "-- samconfig.toml --\n[default.deploy.parameters]\ntemplate_file = \"packaged.yaml\"\n" +
				"template = \".aws-sam/build/template.yaml\"\n",
			form: project.SAM, read: []string{"samconfig.toml", "template.yaml"}, want: []string{basic, samLines + "src"},
		},
		"cdk.out": {
			files: assembly, path: "cdk.out", form: project.CDK, want: assembled, read: assemblyFiles,
			guessed: []string{elsewhere},
		},
		"cdk.out by its manifest": {
			files: assembly, path: "cdk.out/manifest.json", form: project.CDK, want: assembled, read: assemblyFiles,
			guessed: []string{elsewhere},
		},
		"cdk project": {
			files: assembly + "-- cdk.json --\n{\"app\": \"x\"}\n", form: project.CDK, want: assembled,
			read: append([]string{"cdk.json"}, assemblyFiles...), guessed: []string{elsewhere},
		},
		"cdk project with another output": {
			files: strings.ReplaceAll(assembly, "cdk.out/", "dist/") + "-- cdk.json --\n{\"output\": \"dist\"}\n",
			form:  project.CDK,
			want: []string{
				"zeta: role ", "A: function one python3.13 app.handler, code dist/asset.h",
				"Staged: function staged python3.13 app.handler, code dist/asset.h",
			},
			read: []string{
				"cdk.json", "dist/manifest.json", "dist/assembly-Stage/manifest.json", "dist/Z.template.json",
				"dist/A.template.json", "dist/assembly-Stage/Staged.template.json",
			},
			guessed: []string{elsewhere},
		},
		"cdk, one stack with what it needs": {
			files: assembly, path: "cdk.out", form: project.CDK, want: assembled[:2],
			options: func(o *project.Options) { o.Template.Stack = "Prod/A" },
			read: []string{
				"cdk.out/manifest.json", "cdk.out/assembly-Stage/manifest.json", "cdk.out/Z.template.json",
				"cdk.out/A.template.json",
			},
			guessed: []string{elsewhere},
		},
		"cdk, by the template of a stack": {
			files: assembly, path: "cdk.out/Z.template.json", form: project.CDK, want: assembled[:1],
			read: []string{
				"cdk.out/manifest.json", "cdk.out/assembly-Stage/manifest.json", "cdk.out/Z.template.json",
			},
			guessed: []string{elsewhere},
		},
		"cdk, asset by its manifest": {
			files: strings.ReplaceAll(assembly, "aws:asset:path", "nothing") +
				`-- cdk.out/A.assets.json --
{"files": {"h": {"source": {"path": "asset.h", "packaging": "zip"}}}}
`,
			path: "cdk.out/A.template.json", form: project.CDK, want: assembled[:2],
			read: []string{
				"cdk.out/manifest.json", "cdk.out/assembly-Stage/manifest.json", "cdk.out/Z.template.json",
				"cdk.out/A.template.json",
			},
			guessed: []string{elsewhere},
		},
		"serverless": {
			files: "-- serverless.yml --\nservice: demo\n" + packaged, form: project.Serverless,
			want: []string{"demo: function app python3.11 app.handler, code .serverless/demo.zip"},
			read: []string{"serverless.yml", ".serverless/cloudformation-template-update-stack.json"},
		},
		"serverless in TypeScript": {
			files: "-- serverless.ts --\nmodule.exports = {}\n" + packaged, path: "serverless.ts", form: project.Serverless,
			want: []string{"demo: function app python3.11 app.handler, code .serverless/demo.zip"},
			read: []string{"serverless.ts", ".serverless/cloudformation-template-update-stack.json"},
		},
		"serverless by its output": {
			files: packaged, path: ".serverless", form: project.Serverless,
			want: []string{"demo: function app python3.11 app.handler, code .serverless/demo.zip"},
			read: []string{".serverless/cloudformation-template-update-stack.json"},
		},
		"several": {
			files: serverlessApp + "-- cdk.json --\n{}\n-- serverless.yml --\nservice: x\n", form: project.SAM,
			read: []string{"template.yaml"}, want: []string{basic, samLines + "src"},
			guessed: []string{
				"template.yaml is used, and cdk.json and serverless.yml is not: name a file or a directory to use another one.",
			},
		},
		"python": {
			files: "-- main.py --\nasync def handler(event, context):\n    pass\n-- other.py --\ndef handler(): pass\n",
			form:  project.Source,
			want: []string{
				"demo: role arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
				"demo: function demo python3.12 main.handler, code .", "demo: url of demo AWS_IAM BUFFERED",
			},
			guessed: []string{
				"The handler is main.handler: main.py has handler.", "The runtime is python3.12: python3 is version 3.12.4.",
			},
		},
		"python, a variable, public and streaming": {
			files: "-- app.py --\nfrom mangum import Mangum\nhandler: Mangum = Mangum(app)\n", form: project.Source,
			options: func(o *project.Options) {
				o.Function = project.Function{Name: "mine", AuthType: "NONE", InvokeMode: "RESPONSE_STREAM"}
			},
			want: []string{
				"mine: role arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
				"mine: function mine python3.12 app.handler, code .", "mine: url of mine NONE RESPONSE_STREAM",
				"mine: permission lambda:InvokeFunctionUrl of *", "mine: permission lambda:InvokeFunction of *",
			},
			guessed: []string{
				"The handler is app.handler: app.py has handler.", "The runtime is python3.12: python3 is version 3.12.4.",
			},
		},
		"node": {
			files: "-- index.mjs --\nexport const handler = async () => 1\n", form: project.Source,
			want: []string{
				"demo: role arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
				"demo: function demo nodejs22.x index.handler, code .", "demo: url of demo AWS_IAM BUFFERED",
			},
			guessed: []string{
				"The handler is index.handler: index.mjs exports handler.",
				"The runtime is nodejs22.x: node is version 23.1.0.",
			},
		},
		"handler that is given": {
			files: "-- src/api.py --\n-- index.js --\nexports.handler = 1\n", form: project.Source,
			options: func(o *project.Options) { o.Function.Handler = "src/api.run" },
			want: []string{
				"demo: role arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
				"demo: function demo python3.12 src/api.run, code .", "demo: url of demo AWS_IAM BUFFERED",
			},
			guessed: []string{"The runtime is python3.12: python3 is version 3.12.4."},
		},
		"runtime that is given, beside a template": {
			files: plain + "-- app.py --\ndef handler(e, c): pass\n-- index.js --\nexports.handler = 1\n", form: project.Source,
			options: func(o *project.Options) { o.Function.Runtime = "nodejs20.x" },
			want: []string{
				"demo: role arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
				"demo: function demo nodejs20.x index.handler, code .", "demo: url of demo AWS_IAM BUFFERED",
			},
			guessed: []string{"The handler is index.handler: index.js exports handler."},
		},
		"web server": {
			files: plain, form: project.WebServer,
			options: func(o *project.Options) {
				o.Function = project.Function{Upstream: "http://127.0.0.1:8000", AuthType: "NONE"}
			},
			want: []string{
				"demo: role arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
				"demo: function demo provided.al2023 bootstrap, " +
					"code {Path: Inline: Bucket:http-server Key:http://127.0.0.1:8000}",
				"demo: url of demo NONE BUFFERED",
				"demo: permission lambda:InvokeFunctionUrl of *", "demo: permission lambda:InvokeFunction of *",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := write(t, test.files)
			o := options(filepath.Join(root, test.path))
			if test.options != nil {
				test.options(&o)
			}
			p, err := project.Open(o)
			if err != nil {
				t.Fatal(err)
			}
			if p.Form != test.form || p.Root != root {
				t.Errorf("%s in %s, expected %s in %s", p.Form, p.Root, test.form, root)
			}
			if diff := cmp.Diff(sorted(test.want), sorted(described(t, root, p))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if test.read == nil {
				test.read = []string{}
			}
			if diff := cmp.Diff(test.read, relative(t, root, p.Files)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.guessed, p.Guessed); diff != "" {
				t.Errorf("guessed (-want +got):\n%s", diff)
			}
			for i, stack := range p.Stacks {
				if test.form == project.CDK && i == 0 && stack.Name != "zeta" {
					t.Errorf("the first stack is %s, expected the one that another needs", stack.Name)
				}
			}
		})
	}
}

func sorted(lines []string) map[string]bool {
	set := map[string]bool{}
	for _, line := range lines {
		set[line] = true
	}
	return set
}

// TestRefused has each error to the letter; ROOT stands for the directory.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		files, path string
		options     func(*project.Options)
		want        string
	}{
		"nothing there": {path: "none", want: "stat ROOT/none: no such file or directory"},
		"an empty directory": {
			want: "ROOT has nothing that furl knows how to run. It looked for template.yaml, template.yml, template.json, a " +
				"samconfig.toml, a cdk.json or a cdk.out, a serverless.yml, a function handler or lambda_handler in app, main, " +
				"lambda_function, index, handler (.py, .js, .mjs, .cjs), and a program bootstrap. Name a declaration, or the " +
				"handler with --handler app.handler, or a web server with --http",
		},
		"another file": {
			files: "-- notes.txt --\n", path: "notes.txt",
			want: "ROOT/notes.txt is no declaration: furl takes a template of SAM or CloudFormation (.yaml, .yml, .json or " +
				".template), a manifest.json of CDK, a cdk.json, a serverless.yml, or a directory",
		},
		"a template that is none": {
			files: "-- template.yaml --\nResources: {A: 1, A: 2}\n",
			want:  `ROOT/template.yaml:1:19: "A" is there twice, first in line 1`,
		},
		"a fault in a template": {
			files: strings.Replace(serverlessApp, "CodeUri: src/", "Nonsense: 1, CodeUri: src/", 1),
			want:  "ROOT/template.yaml:5:37: AWS::Serverless::Function has no property Nonsense",
		},
		"a samconfig that is none": {
			files: "-- samconfig.toml --\nversion = \n",
			want:  "ROOT/samconfig.toml:1:11: this is not TOML: expected value but found '\\n' instead",
		},
		"a samconfig without its template": {
			files: "-- samconfig.toml --\n[default.build.parameters]\ntemplate = \"x.yaml\"\n",
			want:  "ROOT/samconfig.toml names the template x.yaml, which is not there",
		},
		"cdk without output": {
			files: "-- cdk.json --\n{}\n",
			want: `ROOT has a cdk.json, and ROOT/cdk.out has no manifest.json yet: run "npx cdk synth -q", or have furl do it ` +
				"on each change with --build 'npx cdk synth -q'",
		},
		"a cdk.json that is none": {
			files: "-- cdk.json --\n{\n", want: "ROOT/cdk.json: this is not JSON: unexpected end of JSON input",
		},
		"a manifest that is none": {
			files: "-- cdk.out/manifest.json --\n{\n", path: "cdk.out",
			want: "ROOT/cdk.out/manifest.json: this is no manifest of CDK: unexpected end of JSON input",
		},
		"a manifest without stacks": {
			files: "-- cdk.out/manifest.json --\n{}\n", path: "cdk.out", want: "ROOT/cdk.out/manifest.json has no stacks",
		},
		"a stack that is not there": {
			files: assembly, path: "cdk.out", options: func(o *project.Options) { o.Template.Stack = "B" },
			want: "ROOT/cdk.out/manifest.json has no stack B; it has A, Staged, zeta",
		},
		"a parameter that no stack has": {
			files: assembly, path: "cdk.out",
			options: func(o *project.Options) { o.Template.Parameters = map[string]string{"Nam": "x"} },
			want:    "ROOT/cdk.out/manifest.json has no stack with a parameter Nam",
		},
		"a template that leaves cdk.out": {
			files: strings.Replace(assembly, `"Z.template.json"`, `"../Z.template.json"`, 1), path: "cdk.out",
			want: `ROOT/cdk.out/manifest.json: Z names the template "../Z.template.json", which is not below it`,
		},
		"an assembly in itself": {
			files: strings.Replace(assembly, `"assembly-Stage"`, `"."`, 1), path: "cdk.out",
			want: "ROOT/cdk.out/manifest.json: it has more than 10 manifests in each other",
		},
		"a template that is missing": {
			files: strings.Replace(assembly, `"Z.template.json"`, `"Y.template.json"`, 1), path: "cdk.out",
			want: "stat ROOT/cdk.out/Y.template.json: no such file or directory",
		},
		"a template of no stack": {
			files: assembly + "-- cdk.out/Q.template.json --\n{}\n", path: "cdk.out/Q.template.json",
			want: "ROOT/cdk.out/Q.template.json is the template of no stack of manifest.json",
		},
		"serverless without output": {
			files: "-- serverless.yml --\nservice: x\n",
			want: `ROOT/.serverless/cloudformation-template-update-stack.json is not there: run "serverless package", or have ` +
				"furl do it on each change with --build 'npx serverless package'",
		},
		"several handlers": {
			files: "-- app.py --\ndef handler(e, c): pass\n-- index.js --\nexports.handler = 1\n",
			want: "ROOT has several handlers: choose one with --handler app.handler (app.py has handler), or --handler " +
				"index.handler (index.js exports handler)",
		},
		"two functions in a file": {
			files: "-- app.py --\ndef handler(e, c): pass\ndef lambda_handler(e, c): pass\n",
			want: "ROOT has several handlers: choose one with --handler app.handler (app.py has handler), or --handler " +
				"app.lambda_handler (app.py has lambda_handler)",
		},
		"go": {
			files: "-- go.mod --\nmodule x\n",
			want:  "ROOT has no program bootstrap: say how to build one with --build 'go build -o bootstrap .'",
		},
		"rust": {
			files: "-- Cargo.toml --\n",
			want: "ROOT has no program bootstrap: say how to build one with --build 'cargo build --release && cp " +
				"target/release/NAME bootstrap'",
		},
		"TypeScript": {
			files: "-- index.ts --\nexport const handler = 1\n",
			want: "ROOT/index.ts is TypeScript, which Lambda does not run: make JavaScript of it with --build 'npx esbuild " +
				"index.ts --bundle --platform=node --outfile=index.js'",
		},
		"provided, and no program": {
			files:   "-- x --\n",
			options: func(o *project.Options) { o.Function.Runtime = "provided.al2023" },
			want:    "ROOT has no program bootstrap: say how to build one with --build COMMAND",
		},
		"bootstrap without its mode": {
			files:   "-- bootstrap --\n",
			options: func(o *project.Options) { o.Function.Runtime = "provided.al2023" },
			want:    "ROOT/bootstrap is no program: make it one with chmod +x",
		},
		"a handler of no file": {
			options: func(o *project.Options) { o.Function.Handler = "api.handler" },
			want: "ROOT has no api.py, api.js, api.mjs, api.cjs for the handler api.handler: name the runtime with --runtime, " +
				"or another handler",
		},
		"no interpreter": {
			files:   "-- app.py --\ndef handler(e, c): pass\n",
			options: func(o *project.Options) { o.Version = func(string) string { return "" } },
			want: "the handler app.handler needs python3, which is not on PATH: install it, or name another runtime with " +
				"--runtime",
		},
		"an auth type that is none": {
			files:   "-- app.py --\ndef handler(e, c): pass\n",
			options: func(o *project.Options) { o.Function.AuthType = "OPEN" },
			want:    "AuthType must be AWS_IAM or NONE",
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := write(t, test.files)
			o := options(filepath.Join(root, test.path))
			if test.options != nil {
				test.options(&o)
			}
			p, err := project.Open(o)
			if err == nil {
				t.Fatalf("opened: %+v", p)
			}
			if got := strings.ReplaceAll(err.Error(), root, "ROOT"); got != test.want {
				t.Errorf("%s\nexpected\n%s", got, test.want)
			}
		})
	}
}

// TestCode has each error of CodePath to the letter, and links that stay in the project.
func TestCode(t *testing.T) {
	for name, test := range map[string]struct {
		files, code string
		want        string
	}{
		"a directory":   {files: "-- src/x --\n", code: "src", want: "ROOT/src"},
		"the directory": {code: ".", want: "ROOT"},
		"a zip":         {files: "-- build/app.ZIP --\n", code: "./build/app.ZIP", want: "ROOT/build/app.ZIP"},
		"a link":        {files: "-- packages/app/x --\n", code: "link", want: "ROOT/packages/app"},
		"missing": {
			code: "src",
			want: "the code src: lstat ROOT/src: no such file or directory",
		},
		"a file": {
			files: "-- app.py --\n", code: "app.py",
			want: "the code app.py is ROOT/app.py, and must be a directory or a zip file",
		},
		"above": {
			code: "..",
			want: "the code .. is ABOVE, outside of the project in ROOT: furl uses code of the " +
				"project only, which is the directory of the declaration, or the git repository that it is in, unless --code-dir names " +
				"the directory",
		},
		"absolute": {
			code: "/usr",
			want: "the code /usr is /usr, outside of the project in ROOT: furl uses code of the " +
				"project only, which is the directory of the declaration, or the git repository that it is in, unless --code-dir names " +
				"the directory",
		},
		"a link that leads out": {
			code: "out",
			want: "the code out is /usr, outside of the project in ROOT: furl uses code of the " +
				"project only, which is the directory of the declaration, or the git repository that it is in, unless --code-dir names " +
				"the directory",
		},
		"in S3": {
			code: "s3://bucket/key",
			want: "the code is in S3, s3://bucket/key, which furl does not have: name a directory " +
				"or a zip file beside the template",
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := write(t, strings.Replace(strings.Split(plain, "-- src")[0], "Code: src", "Code: "+test.code, 1)+test.files)
			for link, to := range map[string]string{"link": "packages/app", "out": "/usr"} {
				if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
					t.Fatal(err)
				}
			}
			p, err := project.Open(options(root))
			if err != nil {
				t.Fatal(err)
			}
			got := codeOf(t, p, p.Stacks[0])
			got = strings.ReplaceAll(strings.ReplaceAll(got, root, "ROOT"), filepath.Dir(root), "ABOVE")
			if got != test.want {
				t.Errorf("%s\nexpected\n%s", got, test.want)
			}
		})
	}
	t.Run("of the repository", func(t *testing.T) {
		root := write(t, strings.NewReplacer("-- template", "-- infra/template", "Code: src", "Code: ../src").Replace(plain)+
			"-- .git/HEAD --\n")
		p, err := project.Open(options(filepath.Join(root, "infra")))
		if err != nil {
			t.Fatal(err)
		}
		if got := codeOf(t, p, p.Stacks[0]); got != filepath.Join(root, "src") {
			t.Error(got)
		}
		if got := project.Bound(p.Root); got != root {
			t.Errorf("code may be in %s, expected %s", got, root)
		}
		t.Setenv("HOME", root)
		if got := project.Bound(p.Root); got != p.Root {
			t.Errorf("code may be in %s, expected %s: the repository is of the user's own directory", got, p.Root)
		}
	})
	t.Run("of a directory that was named", func(t *testing.T) {
		root := write(t, strings.NewReplacer("-- template", "-- infra/template", "Code: src", "Code: ../src").Replace(plain))
		o := options(filepath.Join(root, "infra"))
		o.CodeDirs = []string{filepath.Join(root, "src")}
		p, err := project.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		if got := codeOf(t, p, p.Stacks[0]); got != filepath.Join(root, "src") {
			t.Error(got)
		}
	})
	t.Run("hints", func(t *testing.T) {
		root := write(t, packaged)
		p, err := project.Open(options(root))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(root, ".serverless", "demo.zip")); err != nil {
			t.Fatal(err)
		}
		want := "the code demo.zip: lstat " +
			`ROOT/.serverless/demo.zip: no such file or directory; run "serverless package"`
		if got := strings.ReplaceAll(codeOf(t, p, p.Stacks[0]), root, "ROOT"); got != want {
			t.Errorf("%s\nexpected\n%s", got, want)
		}
	})
}

// codeOf is the path of the code of a stack's function, or the error.
func codeOf(t *testing.T, p *project.Project, stack *template.Stack) string {
	t.Helper()
	for _, resource := range stack.Resources {
		value, err := stack.Value(resource, nil)
		if err != nil {
			t.Fatal(err)
		}
		if function, ok := value.(*template.Function); ok {
			path, err := p.CodePath(stack, function.Code)
			if err != nil {
				return err.Error()
			}
			return path
		}
	}
	t.Fatal("no function")
	return ""
}

// TestHandlers finds what a file gives away as its handler, and no more.
func TestHandlers(t *testing.T) {
	for name, test := range map[string]struct {
		file, text string
		found      bool
	}{
		"a function":             {"app.py", "def handler(event, context):\n", true},
		"another name":           {"app.py", "def lambda_handler (event, context):\n", true},
		"a method":               {"app.py", "class A:\n    def handler(self): pass\n", false},
		"a comment of Python":    {"app.py", "# def handler(event, context):\n", false},
		"a comparison of Python": {"app.py", "x = 1\nhandler == x\n", false},
		"a longer name":          {"app.py", "def handler_of(x): pass\nhandlers = []\n", false},
		"exports":                {"index.js", "exports.handler = async () => 1;\n", true},
		"module.exports":         {"index.cjs", "module.exports.handler = f\n", true},
		"an object":              {"handler.js", "module.exports = {\n  other,\n  handler,\n}\n", true},
		"esbuild":                {"index.js", "0 && (module.exports = {\n  handler\n});\n", true},
		"a function of a module": {"index.mjs", "export async function handler() {}\n", true},
		"a list of a module":     {"index.mjs", "export { app as handler };\n", true},
		"a comment":              {"index.js", "// exports.handler = 1\n * export const handler = 1\n", false},
		"a comparison":           {"index.js", "if (exports.handler == 1) {}\n", false},
		"another export":         {"index.mjs", "export const handlers = []\n", false},
		"a file of another name": {"util.py", "def handler(event, context):\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			root := write(t, "-- "+test.file+" --\n"+test.text)
			if _, err := project.Open(options(root)); (err == nil) != test.found {
				t.Error(err)
			}
		})
	}
}

// TestBootstrap finds a program, which has a mode.
func TestBootstrap(t *testing.T) {
	root := write(t, "-- go.mod --\nmodule x\n-- bootstrap --\n")
	if err := os.Chmod(filepath.Join(root, "bootstrap"), 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := project.Open(options(root))
	if err != nil {
		t.Fatal(err)
	}
	want := "demo: function demo provided.al2023 bootstrap, code ."
	if got := sorted(described(t, root, p)); !got[want] {
		t.Errorf("%v, expected %s", got, want)
	}
}

// TestExports has a stack of a CDK app import what another one exports: at once, or after that one is made.
func TestExports(t *testing.T) {
	root := write(t, strings.NewReplacer(`"Outputs": {"Out"`, `"Outputs": {"Late": {"Value": {"Fn::GetAtt": ["Key", "SecretAccessKey"]},
  "Export": {"Name": "late"}}, "Out"`, `{"Role": {"Type"`, `{"Key": {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": "u"}}, "Role": {"Type"`,
		`"Handler": "app.handler", "Runtime": "python3.13", "Role": {"Fn`,
		`"Description": {"Fn::ImportValue": "late"}, "Handler": "app.handler", "Runtime": "python3.13", "Role": {"Fn`).Replace(assembly))
	p, err := project.Open(options(filepath.Join(root, "cdk.out")))
	if err != nil {
		t.Fatal(err)
	}
	stack := p.Stacks[1]
	for known, want := range map[string]string{"": template.Unknown, "secret": "secret"} {
		attributes := template.Attributes{}
		if known != "" {
			attributes.Set(template.Import, "late", known)
		}
		value, err := stack.Value(stack.Resources[0], attributes)
		if err != nil {
			t.Fatal(err)
		}
		function := value.(*template.Function)
		if function.Role != "arn:aws:iam::123456789012:role/zeta" || function.Description != want {
			t.Errorf("role %s, description %s, expected %s", function.Role, function.Description, want)
		}
	}
	o := options(filepath.Join(root, "cdk.out"))
	o.Template.Imports = map[string]string{"zeta:Role": "arn:aws:iam::123456789012:role/given"}
	if p, err = project.Open(o); err != nil {
		t.Fatal(err)
	}
	value, err := p.Stacks[1].Value(p.Stacks[1].Resources[0], nil)
	if function, ok := value.(*template.Function); err != nil || !ok || function.Role != "arn:aws:iam::123456789012:role/given" {
		t.Errorf("%+v, %v: what is given on the command line counts", value, err)
	}
}

// TestOldBuilds says that what a tool wrote is older than what it wrote it from.
func TestOldBuilds(t *testing.T) {
	root := write(t, packaged+"-- serverless.yml --\nservice: x\n")
	old := time.Now().Add(-time.Hour)
	file := filepath.Join(root, ".serverless", "cloudformation-template-update-stack.json")
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	p, err := project.Open(options(root))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`.serverless is older than serverless.yml: run "serverless package".`}
	if diff := cmp.Diff(want, p.Guessed); diff != "" {
		t.Error(diff)
	}
}

// TestFiles refuses what is no regular file.
func TestFiles(t *testing.T) {
	t.Run("a directory", func(t *testing.T) {
		root := write(t, "-- template.yaml/x --\n")
		want := filepath.Join(root, "template.yaml") + " is no regular file, but a directory"
		if _, err := project.Open(options(root)); err == nil || err.Error() != want {
			t.Error(err)
		}
	})
	t.Run("a huge one", func(t *testing.T) {
		root := write(t, plain)
		if err := os.Truncate(filepath.Join(root, "template.yaml"), 1<<40); err != nil {
			t.Skip(err)
		}
		_, err := project.Open(options(root))
		if err == nil || !strings.HasSuffix(err.Error(), ":1:1: the file has 8388609 bytes, expected at most 8388608") {
			t.Error(err)
		}
	})
	t.Run("links in a circle", func(t *testing.T) {
		root := write(t, "")
		if err := os.Symlink("template.yaml", filepath.Join(root, "template.yaml")); err != nil {
			t.Fatal(err)
		}
		if _, err := project.Open(options(root)); !errors.Is(err, syscall.ELOOP) {
			t.Error(err)
		}
	})
}

// TestSamples opens what the tools wrote, put together as it is on disk.
func TestSamples(t *testing.T) {
	const samples = "../../../shared/declarations/"
	if _, err := os.Stat(samples); err != nil {
		if os.Getenv("FURL_STRICT") == "1" {
			t.Fatal(err)
		}
		t.Skip("there are no samples of declarations beside the work tree")
	}
	put := func(t *testing.T, root, sample, name string) {
		t.Helper()
		text, err := os.ReadFile(samples + sample)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	const asset = "asset.57e3a9352ac45f2bef6c796662f012945c80acd5961531b2bb171b9eb9aa5bc9"
	for name, test := range map[string]struct {
		files map[string]string
		extra string
		form  project.Form
		codes map[string]string // by logical id
		urls  map[string]lambda.AuthType
	}{
		"sam": {
			files: map[string]string{"template.yaml": "sam-template.yaml"}, extra: "-- src/app.py --\n", form: project.SAM,
			codes: map[string]string{"App": "src", "Public": "src"},
			urls:  map[string]lambda.AuthType{"AppUrl": lambda.AuthIAM, "PublicUrl": lambda.AuthNone},
		},
		"sam build": {
			files: map[string]string{".aws-sam/build/template.yaml": "sam-build.template.yaml"},
			extra: "-- .aws-sam/build/App/app.py --\n-- .aws-sam/build/Public/app.py --\n", form: project.SAM,
			codes: map[string]string{"App": ".aws-sam/build/App", "Public": ".aws-sam/build/Public"},
			urls:  map[string]lambda.AuthType{"AppUrl": lambda.AuthIAM, "PublicUrl": lambda.AuthNone},
		},
		"cdk": {
			files: map[string]string{
				"cdk.out/manifest.json": "cdk.manifest.json", "cdk.out/FurlDemo.assets.json": "cdk.FurlDemo.assets.json",
				"cdk.out/FurlDemo.template.json": "cdk.FurlDemo.template.json",
			},
			extra: "-- cdk.json --\n{}\n-- cdk.out/" + asset + "/app.py --\n", form: project.CDK,
			codes: map[string]string{"AppF1B96344": "cdk.out/" + asset},
			urls: map[string]lambda.AuthType{
				"AppFunctionUrl903A073C": lambda.AuthIAM, "AppAliasliveFunctionUrl7D995756": lambda.AuthNone,
			},
		},
		"osls": {
			files: map[string]string{
				"serverless.yml": "serverless.yml",
				".serverless/cloudformation-template-update-stack.json": "osls-4.3.1.cloudformation-update.json",
			},
			extra: "-- .serverless/furl-demo.zip --\n", form: project.Serverless,
			codes: map[string]string{
				"AppLambdaFunction": ".serverless/furl-demo.zip", "PublicLambdaFunction": ".serverless/furl-demo.zip",
			},
			urls: map[string]lambda.AuthType{
				"AppLambdaFunctionUrl": lambda.AuthIAM, "PublicLambdaFunctionUrl": lambda.AuthNone,
			},
		},
		"serverless": {
			files: map[string]string{
				"serverless.yml": "serverless.yml",
				".serverless/cloudformation-template-update-stack.json": "serverless-3.cloudformation-update.json",
			},
			extra: "-- .serverless/furl-demo.zip --\n", form: project.Serverless,
			codes: map[string]string{
				"AppLambdaFunction": ".serverless/furl-demo.zip", "PublicLambdaFunction": ".serverless/furl-demo.zip",
			},
			urls: map[string]lambda.AuthType{
				"AppLambdaFunctionUrl": lambda.AuthIAM, "PublicLambdaFunctionUrl": lambda.AuthNone,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := write(t, test.extra)
			for file, sample := range test.files {
				put(t, root, sample, file)
			}
			p, err := project.Open(options(root))
			if err != nil {
				t.Fatal(err)
			}
			if p.Form != test.form {
				t.Errorf("%s, expected %s", p.Form, test.form)
			}
			codes, urls := map[string]string{}, map[string]lambda.AuthType{}
			for _, resource := range p.Stacks[0].Resources {
				value, err := p.Stacks[0].Value(resource, nil)
				if err != nil {
					t.Fatal(err)
				}
				switch value := value.(type) {
				case *template.Function:
					if value.Code.Inline != "" {
						continue
					}
					path, err := p.CodePath(p.Stacks[0], value.Code)
					if err != nil {
						t.Fatal(err)
					}
					codes[resource.ID] = relative(t, root, []string{path})[0]
				case *template.URL:
					urls[resource.ID] = value.AuthType
				}
			}
			if diff := cmp.Diff(test.codes, codes); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.urls, urls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestOrigins has what SAM made know its source, and values of parameters and the region in logical ids.
func TestOrigins(t *testing.T) {
	root := write(t, strings.Replace(serverlessApp, "FunctionName: app,", "FunctionName: app, AutoPublishAlias: !Ref Alias,", 1))
	o := options(root)
	o.Template.Parameters = map[string]string{"Alias": "live"}
	file := filepath.Join(root, "template.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append([]byte("Parameters: {Alias: {Type: String}}\n"), text...), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := project.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, resource := range p.Stacks[0].Resources {
		got[resource.ID] = resource.Origin
	}
	want := map[string]string{"App": "App", "AppRole": "App", "AppAliaslive": "App", "AppVersiond2ff709c3c": "App"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestDeclared: what is in a file says what it is, and a directory declares something if it has a file that does.
func TestDeclared(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const template = "Resources: {Topic: {Type: AWS::SNS::Topic}}"
	write("template/template.yaml", template)
	write("built/.aws-sam/build/template.yaml", template)
	write("other/template.json", `{"title": "a page"}`)
	write("saved/web.json", `{"Policy": "{}"}`)
	write("source/app.py", "")
	for name, want := range map[string]bool{
		"template": true, "built": true, "other": false, "saved": false, "source": false, "saved/web.json": false,
		write("cdk/cdk.json", "{}")[len(dir)+1:]: true, write("sls/serverless.yml", "")[len(dir)+1:]: true,
		write("web/manifest.json", `{"name": "a web app"}`)[len(dir)+1:]: false,
	} {
		if is, err := project.IsDeclared(filepath.Join(dir, name)); is != want || err != nil {
			t.Errorf("IsDeclared(%s) = %t, %v", name, is, err)
		}
	}
	if _, err := project.IsDeclared(filepath.Join(dir, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("IsDeclared(nowhere): %v", err)
	}
	for text, want := range map[string]bool{
		template: true, `{"AWSTemplateFormatVersion": "2010-09-09"}`: true, `{"Statement": []}`: false, "": false, "a: [": false,
	} {
		if is := project.IsTemplate([]byte(text)); is != want {
			t.Errorf("IsTemplate(%q) = %t", text, is)
		}
	}
}

func TestFileThatMayNotBeRead(t *testing.T) {
	if !usertest.Unprivileged(t) {
		return
	}
	root := write(t, plain)
	if err := os.Chmod(filepath.Join(root, "template.yaml"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := project.Open(options(root)); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
}
