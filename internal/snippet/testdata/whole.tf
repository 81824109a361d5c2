terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.29.0" # and one that has aws_lambda_resource_policy, of September 2026 or later
    }
  }
}

# Lets arn:aws:iam::123456789012:role/team/caller call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
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
          "AWS" : "arn:aws:iam::123456789012:role/team/caller"
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
          "AWS" : "arn:aws:iam::123456789012:role/team/caller"
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
