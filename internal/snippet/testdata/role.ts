import * as cdk from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';

const app = new cdk.App();
const stack = new cdk.Stack(app, 'FunctionUrlGrant', {
  env: { account: "123456789012", region: "eu-central-1" },
});

// Lets arn:aws:iam::123456789012:role/team/caller call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
new lambda.CfnPermission(stack, 'BooksCallerCallUrl10E82D4D', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:books",
  action: "lambda:InvokeFunctionUrl",
  principal: "arn:aws:iam::123456789012:role/team/caller",
  functionUrlAuthType: "AWS_IAM",
});
new lambda.CfnPermission(stack, 'BooksCallerInvokeViaUrl59F85013', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:books",
  action: "lambda:InvokeFunction",
  principal: "arn:aws:iam::123456789012:role/team/caller",
  invokedViaFunctionUrl: true,
});
