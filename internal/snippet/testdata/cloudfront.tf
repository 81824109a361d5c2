# Lets cloudfront.amazonaws.com call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.29.0" # the first with invoked_via_function_url
    }
  }
}

resource "aws_lambda_permission" "call_function_url" {
  statement_id  = "furl-caller-0123abcd-url"
  function_name = "books"
  action        = "lambda:InvokeFunctionUrl"
  principal     = "cloudfront.amazonaws.com"
  source_arn    = "arn:aws:cloudfront::123456789012:distribution/E1EXAMPLE"
}

resource "aws_lambda_permission" "invoke_via_function_url" {
  statement_id             = "furl-caller-0123abcd-invoke"
  function_name            = "books"
  action                   = "lambda:InvokeFunction"
  principal                = "cloudfront.amazonaws.com"
  source_arn               = "arn:aws:cloudfront::123456789012:distribution/E1EXAMPLE"
  invoked_via_function_url = true
}
