terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

# The endpoint, the region and the keys are those of furl env.
provider "aws" {}

variable "auth_type" {
  type    = string
  default = "AWS_IAM"
}

variable "timeout" {
  type    = number
  default = 7
}

resource "aws_iam_role" "books" {
  name = "books"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.books.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_iam_user" "alice" {
  name = "alice"
}

resource "aws_lambda_function" "books" {
  function_name    = "books"
  role             = aws_iam_role.books.arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  filename         = "${path.module}/books.zip"
  source_code_hash = filebase64sha256("${path.module}/books.zip")
  timeout          = var.timeout
  memory_size      = 256
  tags             = { team = "blue" }
  environment {
    variables = { STAGE = "prod" }
  }
}

resource "aws_lambda_function_url" "books" {
  function_name      = aws_lambda_function.books.function_name
  authorization_type = var.auth_type
  cors {
    allow_origins = ["https://example.com"]
    allow_methods = ["GET", "POST"]
    max_age       = 60
  }
}

resource "aws_lambda_permission" "url" {
  statement_id           = "url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.books.function_name
  principal              = aws_iam_user.alice.arn
  function_url_auth_type = var.auth_type
}

resource "aws_lambda_permission" "function" {
  statement_id  = "function"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.books.function_name
  principal     = aws_iam_user.alice.arn
}

output "url" {
  value = aws_lambda_function_url.books.function_url
}
