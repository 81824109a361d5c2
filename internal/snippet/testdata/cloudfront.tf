terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.29.0" # the first with invoked_via_function_url
    }
  }
}

# Lets cloudfront.amazonaws.com call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
resource "aws_lambda_permission" "books_cloudfront_call_url_c5182b2e" {
  region        = "eu-central-1"
  statement_id  = "furl-caller-0123abcd-url"
  function_name = "books"
  action        = "lambda:InvokeFunctionUrl"
  principal     = "cloudfront.amazonaws.com"
  source_arn    = "arn:aws:cloudfront::123456789012:distribution/E1EXAMPLE"
}

resource "aws_lambda_permission" "books_cloudfront_invoke_via_url_ddefc334" {
  region                   = "eu-central-1"
  statement_id             = "furl-caller-0123abcd-invoke"
  function_name            = "books"
  action                   = "lambda:InvokeFunction"
  principal                = "cloudfront.amazonaws.com"
  source_arn               = "arn:aws:cloudfront::123456789012:distribution/E1EXAMPLE"
  invoked_via_function_url = true
}
