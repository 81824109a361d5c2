terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.29.0" # the first with invoked_via_function_url
    }
  }
}

# Lets user alice call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
resource "aws_iam_user_policy" "alice_furl_call_books_89ef4567_policy_daecdfb0" {
  name = "furl-call-books-89ef4567"
  user = "alice"
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
