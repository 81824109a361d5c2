terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.29.0" # and one that has aws_lambda_resource_policy, of September 2026 or later
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
resource "aws_lambda_resource_policy" "books_function_policy_13e50e29" {
  region       = "eu-central-1"
  resource_arn = "arn:aws:lambda:eu-central-1:123456789012:function:books"
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Id" : "default",
    "Statement" : [
      {
        "Sid" : "OfficeOnly",
        "Effect" : "Deny",
        "Principal" : "*",
        "Action" : "lambda:InvokeFunctionUrl",
        "Resource" : "arn:aws:lambda:eu-central-1:123456789012:function:books",
        "Condition" : {
          "NotIpAddress" : {
            "aws:SourceIp" : "192.0.2.0/24"
          }
        }
      },
      {
        "Sid" : "furl-caller-0123abcd-url",
        "Effect" : "Allow",
        "Principal" : {
          "AWS" : "arn:aws:iam::210987654321:role/far"
        },
        "Action" : "lambda:InvokeFunctionUrl",
        "Resource" : "arn:aws:lambda:eu-central-1:123456789012:function:books",
        "Condition" : {
          "StringEquals" : {
            "lambda:FunctionUrlAuthType" : "AWS_IAM"
          }
        }
      },
      {
        "Sid" : "furl-caller-0123abcd-invoke",
        "Effect" : "Allow",
        "Principal" : {
          "AWS" : "arn:aws:iam::210987654321:role/far"
        },
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
