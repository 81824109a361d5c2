//go:build unix

package interop_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// answers says how a Python function answers.
func answers(text string) string { return "def handler(event, context):\n    return " + text + "\n" }

// becomes calls a function with the AWS CLI until it answers what is wanted.
func (s *server) becomes(t *testing.T, function, want string) {
	t.Helper()
	const invoke = `aws lambda invoke --function-name "$FUNCTION" /dev/stderr >/dev/null`
	for deadline := time.Now().Add(time.Minute); ; {
		got := s.tryShell(t, invoke, "FUNCTION="+function)
		if got.stderr == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s answers %s, want %s", function, got.stderr, want)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestHotReloadWithTheCLI has the AWS CLI make a function of a directory, as users of LocalStack do (localstack/docs,
// "Hot Reloading"): its files are run as they are now.
func TestHotReloadWithTheCLI(t *testing.T) {
	t.Parallel()
	need(t, "python")
	needProgram(t, "python3")
	dir := project(t, map[string]string{"app.py": answers("1")})
	s := startServer(t, "--code-dir", dir)
	s.shell(t, `
		role=$(aws iam create-role --role-name r --query Role.Arn --output text --assume-role-policy-document \
			'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}')
		aws lambda create-function --function-name web --runtime python3.13 --handler app.handler --role "$role" \
			--timeout 20 --code S3Bucket=hot-reload,S3Key="$DIR" >/dev/null
		aws lambda wait function-active-v2 --function-name web`, "DIR="+dir)
	s.becomes(t, "web", "1")
	write(t, filepath.Join(dir, "app.py"), answers("2"))
	s.becomes(t, "web", "2")
	s.shell(t, `aws lambda publish-version --function-name web >/dev/null
		aws lambda create-alias --function-name web --name live --function-version 1 >/dev/null`)
	write(t, filepath.Join(dir, "app.py"), answers("3"))
	s.shell(t, `aws lambda update-function-code --function-name web --s3-bucket hot-reload --s3-key "$DIR" >/dev/null
		aws lambda wait function-updated-v2 --function-name web`, "DIR="+dir)
	s.becomes(t, "web:live", "3")
}

// TestHotReloadWithTerraform has Terraform's AWS provider do the same, find nothing to change, and change the directory.
func TestHotReloadWithTerraform(t *testing.T) {
	t.Parallel()
	need(t, "python")
	needProgram(t, "python3")
	dir := project(t, map[string]string{"one/app.py": answers("1"), "two/app.py": answers("2")})
	s := startServer(t, "--url-style", "host", "--code-dir", dir)
	tf := newTerraform(t, s)
	write(t, filepath.Join(tf.dir, "main.tf"), `
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {}
variable "code" { type = string }
resource "aws_iam_role" "web" {
  name = "web"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}
resource "aws_lambda_function" "web" {
  function_name = "web"
  role          = aws_iam_role.web.arn
  runtime       = "python3.13"
  handler       = "app.handler"
  timeout       = 20
  publish       = true
  s3_bucket     = "hot-reload"
  s3_key        = var.code
}
`)
	one, two := "-var=code="+filepath.Join(dir, "one"), "-var=code="+filepath.Join(dir, "two")
	tf.must("apply", "-auto-approve", one)
	if done := tf.run("plan", "-detailed-exitcode", "-input=false", one); done.code != 0 {
		t.Errorf("terraform plan: exit %d\n%s%s", done.code, done.stdout, done.stderr)
	}
	s.becomes(t, "web", "1")
	write(t, filepath.Join(dir, "one", "app.py"), answers("3"))
	s.becomes(t, "web:1", "3")
	tf.must("apply", "-auto-approve", two)
	s.becomes(t, "web", "2")
	s.becomes(t, "web:1", "3")
	tf.must("destroy", "-auto-approve", two)
}
