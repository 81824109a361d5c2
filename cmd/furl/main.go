// Command furl calls, sets up, runs and explains AWS Lambda function URLs with IAM auth. See the README.
package main

func main() {}
