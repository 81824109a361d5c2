# Lets * call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.29.0" # the first with invoked_via_function_url
    }
  }
}

resource "aws_lambda_permission" "call_function_url" {
  statement_id           = "furl-caller-0123abcd-url"
  function_name          = "books"
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_permission" "invoke_via_function_url" {
  statement_id             = "furl-caller-0123abcd-invoke"
  function_name            = "books"
  action                   = "lambda:InvokeFunction"
  principal                = "*"
  invoked_via_function_url = true
}
