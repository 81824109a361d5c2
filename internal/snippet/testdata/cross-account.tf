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

# Lets arn:aws:iam::210987654321:role/far call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
resource "aws_lambda_permission" "books_far_call_url_f25ca3d5" {
  region                 = "eu-central-1"
  statement_id           = "furl-caller-0123abcd-url"
  function_name          = "books"
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "arn:aws:iam::210987654321:role/far"
  function_url_auth_type = "AWS_IAM"
}

resource "aws_lambda_permission" "books_far_invoke_via_url_f17b5ca5" {
  region                   = "eu-central-1"
  statement_id             = "furl-caller-0123abcd-invoke"
  function_name            = "books"
  action                   = "lambda:InvokeFunction"
  principal                = "arn:aws:iam::210987654321:role/far"
  invoked_via_function_url = true
}

resource "aws_iam_role_policy" "far_furl_call_books_89ef4567_policy_52c2778b" {
  provider = aws.account_210987654321
  name     = "furl-call-books-89ef4567"
  role     = "far"
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
