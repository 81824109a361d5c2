terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.29.0" # the first with invoked_via_function_url
    }
  }
}

# Lets * call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
resource "aws_lambda_permission" "books_everyone_call_url_d045ec67" {
  region                 = "eu-central-1"
  statement_id           = "furl-caller-0123abcd-url"
  function_name          = "books"
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_permission" "books_everyone_invoke_via_url_58b16638" {
  region                   = "eu-central-1"
  statement_id             = "furl-caller-0123abcd-invoke"
  function_name            = "books"
  action                   = "lambda:InvokeFunction"
  principal                = "*"
  invoked_via_function_url = true
}
