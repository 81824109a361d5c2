terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.29.0" # the first with invoked_via_function_url
    }
  }
}

# Lets arn:aws:iam::123456789012:role/team/caller call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books:prod.
resource "aws_lambda_permission" "books_prod_caller_call_url_c0dbdbe3" {
  region                 = "eu-central-1"
  statement_id           = "furl-caller-0123abcd-url"
  function_name          = "books"
  qualifier              = "prod"
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "arn:aws:iam::123456789012:role/team/caller"
  function_url_auth_type = "AWS_IAM"
}

resource "aws_lambda_permission" "books_prod_caller_invoke_via_url_ec4bed57" {
  region                   = "eu-central-1"
  statement_id             = "furl-caller-0123abcd-invoke"
  function_name            = "books"
  qualifier                = "prod"
  action                   = "lambda:InvokeFunction"
  principal                = "arn:aws:iam::123456789012:role/team/caller"
  invoked_via_function_url = true
}
