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

variable "reserved" {
  type    = number
  default = 5
}

variable "retries" {
  type    = number
  default = 1
}

variable "provisioned" {
  type    = number
  default = 1
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

resource "aws_lambda_layer_version" "shared" {
  layer_name               = "shared"
  description              = "what functions share"
  license_info             = "MIT"
  filename                 = "${path.module}/layer.zip"
  source_code_hash         = filebase64sha256("${path.module}/layer.zip")
  compatible_runtimes      = ["provided.al2023"]
  compatible_architectures = ["x86_64", "arm64"]
}

resource "aws_lambda_layer_version_permission" "shared" {
  layer_name     = aws_lambda_layer_version.shared.layer_name
  version_number = aws_lambda_layer_version.shared.version
  statement_id   = "partner"
  action         = "lambda:GetLayerVersion"
  principal      = "210987654321"
}

resource "aws_lambda_function" "books" {
  function_name                  = "books"
  role                           = aws_iam_role.books.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  filename                       = "${path.module}/books.zip"
  source_code_hash               = filebase64sha256("${path.module}/books.zip")
  layers                         = [aws_lambda_layer_version.shared.arn]
  publish                        = true
  reserved_concurrent_executions = var.reserved
  timeout                        = var.timeout
  memory_size                    = 256
  tags                           = { team = "blue" }
  environment {
    variables = { STAGE = "prod" }
  }
  ephemeral_storage {
    size = 1024
  }
  logging_config {
    log_format = "Text"
  }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "what callers see"
  function_name    = aws_lambda_function.books.function_name
  function_version = aws_lambda_function.books.version
}

resource "aws_lambda_function_url" "books" {
  function_name      = aws_lambda_function.books.function_name
  qualifier          = aws_lambda_alias.live.name
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
  qualifier              = aws_lambda_alias.live.name
  principal              = aws_iam_user.alice.arn
  function_url_auth_type = var.auth_type
}

resource "aws_lambda_permission" "function" {
  statement_id  = "function"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.books.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = aws_iam_user.alice.arn
}

resource "aws_lambda_function_event_invoke_config" "books" {
  function_name                = aws_lambda_function.books.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_retry_attempts       = var.retries
  maximum_event_age_in_seconds = 600
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  function_name                     = aws_lambda_function.books.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = var.provisioned
}

resource "aws_lambda_function_recursion_config" "books" {
  function_name  = aws_lambda_function.books.function_name
  recursive_loop = "Terminate"
}

data "aws_lambda_function" "books" {
  function_name = aws_lambda_function.books.function_name
  qualifier     = aws_lambda_alias.live.name
}

data "aws_lambda_alias" "live" {
  function_name = aws_lambda_function.books.function_name
  name          = aws_lambda_alias.live.name
}

data "aws_lambda_function_url" "books" {
  function_name = aws_lambda_function.books.function_name
  qualifier     = aws_lambda_function_url.books.qualifier
}

data "aws_lambda_layer_version" "shared" {
  layer_name = aws_lambda_layer_version.shared.layer_name
}

output "url" {
  value = aws_lambda_function_url.books.function_url
}

output "url_id" {
  value = aws_lambda_function_url.books.url_id
}

output "version" {
  value = aws_lambda_alias.live.function_version
}
