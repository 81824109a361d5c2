terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.29.0" # the first with invoked_via_function_url
    }
  }
}

# Give each of the providers credentials of its account.
provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["123456789012"]
}

provider "aws" {
  alias               = "account_210987654321"
  region              = "eu-central-1"
  allowed_account_ids = ["210987654321"]
}

# Lets 210987654321 call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
resource "aws_lambda_permission" "books_account210987654321_call_url_69c1768d" {
  region                 = "eu-central-1"
  statement_id           = "furl-caller-0123abcd-url"
  function_name          = "books"
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "210987654321"
  function_url_auth_type = "AWS_IAM"
}

resource "aws_lambda_permission" "books_account210987654321_invoke_via_url_d415c797" {
  region                   = "eu-central-1"
  statement_id             = "furl-caller-0123abcd-invoke"
  function_name            = "books"
  action                   = "lambda:InvokeFunction"
  principal                = "210987654321"
  invoked_via_function_url = true
}

resource "aws_iam_policy" "furl_call_books_89ef4567_policy_62aaa724" {
  provider = aws.account_210987654321
  name     = "furl-call-books-89ef4567"
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "CallFunctionUrl",
        "Effect" : "Allow",
        "Action" : "lambda:InvokeFunctionUrl",
        "Resource" : "arn:aws:lambda:eu-central-1:123456789012:function:books",
        "Condition" : {
          "StringEquals" : {
            "lambda:FunctionUrlAuthType" : "AWS_IAM"
          }
        }
      },
      {
        "Sid" : "InvokeViaFunctionUrl",
        "Effect" : "Allow",
        "Action" : "lambda:InvokeFunction",
        "Resource" : "arn:aws:lambda:eu-central-1:123456789012:function:books",
        "Condition" : {
          "Bool" : {
            "lambda:InvokedViaFunctionUrl" : "true"
          }
        }
      }
    ]
  })
}
