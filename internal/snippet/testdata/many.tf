terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.29.0" # the first with invoked_via_function_url
    }
  }
}

# Lets arn:aws:iam::123456789012:role/c call the URL of arn:aws:lambda:eu-central-1:123456789012:function:a-b.
resource "aws_lambda_permission" "a_b_c_call_url_e6744604" {
  region                 = "eu-central-1"
  statement_id           = "furl-caller-0123abcd-url"
  function_name          = "a-b"
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "arn:aws:iam::123456789012:role/c"
  function_url_auth_type = "AWS_IAM"
}

resource "aws_lambda_permission" "a_b_c_invoke_via_url_a91ff2a5" {
  region                   = "eu-central-1"
  statement_id             = "furl-caller-0123abcd-invoke"
  function_name            = "a-b"
  action                   = "lambda:InvokeFunction"
  principal                = "arn:aws:iam::123456789012:role/c"
  invoked_via_function_url = true
}

resource "aws_iam_role_policy" "c_call_a_b__eu_central_1_policy_f1e938fd" {
  name = "call-a-b..eu-central-1"
  role = "c"
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "CallFunctionUrl",
        "Effect" : "Allow",
        "Action" : "lambda:InvokeFunctionUrl",
        "Resource" : "arn:aws:lambda:eu-central-1:123456789012:function:a-b",
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
        "Resource" : "arn:aws:lambda:eu-central-1:123456789012:function:a-b",
        "Condition" : {
          "Bool" : {
            "lambda:InvokedViaFunctionUrl" : "true"
          }
        }
      }
    ]
  })
}

# Lets arn:aws:iam::123456789012:role/c call the URL of arn:aws:lambda:eu-central-1:123456789012:function:a_b.
resource "aws_lambda_permission" "a_b_c_call_url_08d79663" {
  region                 = "eu-central-1"
  statement_id           = "furl-caller-0123abcd-url"
  function_name          = "a_b"
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "arn:aws:iam::123456789012:role/c"
  function_url_auth_type = "AWS_IAM"
}

resource "aws_lambda_permission" "a_b_c_invoke_via_url_45fcb7b6" {
  region                   = "eu-central-1"
  statement_id             = "furl-caller-0123abcd-invoke"
  function_name            = "a_b"
  action                   = "lambda:InvokeFunction"
  principal                = "arn:aws:iam::123456789012:role/c"
  invoked_via_function_url = true
}

resource "aws_iam_role_policy" "c_call_a_b__eu_central_1_policy_48924332" {
  name = "call-a_b..eu-central-1"
  role = "c"
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "CallFunctionUrl",
        "Effect" : "Allow",
        "Action" : "lambda:InvokeFunctionUrl",
        "Resource" : "arn:aws:lambda:eu-central-1:123456789012:function:a_b",
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
        "Resource" : "arn:aws:lambda:eu-central-1:123456789012:function:a_b",
        "Condition" : {
          "Bool" : {
            "lambda:InvokedViaFunctionUrl" : "true"
          }
        }
      }
    ]
  })
}

# Lets arn:aws:iam::123456789012:role/c call the URL of arn:aws:lambda:us-east-1:123456789012:function:a-b.
resource "aws_lambda_permission" "a_b_c_call_url_06a4c479" {
  region                 = "us-east-1"
  statement_id           = "furl-caller-0123abcd-url"
  function_name          = "a-b"
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "arn:aws:iam::123456789012:role/c"
  function_url_auth_type = "AWS_IAM"
}

resource "aws_lambda_permission" "a_b_c_invoke_via_url_fde224ee" {
  region                   = "us-east-1"
  statement_id             = "furl-caller-0123abcd-invoke"
  function_name            = "a-b"
  action                   = "lambda:InvokeFunction"
  principal                = "arn:aws:iam::123456789012:role/c"
  invoked_via_function_url = true
}

resource "aws_iam_role_policy" "c_call_a_b__us_east_1_policy_5feb6a51" {
  name = "call-a-b..us-east-1"
  role = "c"
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "CallFunctionUrl",
        "Effect" : "Allow",
        "Action" : "lambda:InvokeFunctionUrl",
        "Resource" : "arn:aws:lambda:us-east-1:123456789012:function:a-b",
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
        "Resource" : "arn:aws:lambda:us-east-1:123456789012:function:a-b",
        "Condition" : {
          "Bool" : {
            "lambda:InvokedViaFunctionUrl" : "true"
          }
        }
      }
    ]
  })
}

# Lets arn:aws:iam::123456789012:role/c call the URL of arn:aws:lambda:eu-central-1:123456789012:function:a:b.
resource "aws_lambda_permission" "a_b_c_call_url_5389bcb4" {
  region                 = "eu-central-1"
  statement_id           = "furl-caller-0123abcd-url"
  function_name          = "a"
  qualifier              = "b"
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "arn:aws:iam::123456789012:role/c"
  function_url_auth_type = "AWS_IAM"
}

resource "aws_lambda_permission" "a_b_c_invoke_via_url_80870647" {
  region                   = "eu-central-1"
  statement_id             = "furl-caller-0123abcd-invoke"
  function_name            = "a"
  qualifier                = "b"
  action                   = "lambda:InvokeFunction"
  principal                = "arn:aws:iam::123456789012:role/c"
  invoked_via_function_url = true
}

resource "aws_iam_role_policy" "c_call_a_b_eu_central_1_policy_41fad524" {
  name = "call-a.b.eu-central-1"
  role = "c"
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "CallFunctionUrl",
        "Effect" : "Allow",
        "Action" : "lambda:InvokeFunctionUrl",
        "Resource" : "arn:aws:lambda:eu-central-1:123456789012:function:a:b",
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
        "Resource" : "arn:aws:lambda:eu-central-1:123456789012:function:a:b",
        "Condition" : {
          "Bool" : {
            "lambda:InvokedViaFunctionUrl" : "true"
          }
        }
      }
    ]
  })
}
