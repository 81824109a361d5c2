import * as cdk from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';

const app = new cdk.App();
const stack = new cdk.Stack(app, 'FunctionUrlGrant', {
  env: { account: "123456789012", region: "eu-central-1" },
});

// Lets cloudfront.amazonaws.com call the URL of arn:aws:lambda:eu-central-1:123456789012:function:books.
new lambda.CfnPermission(stack, 'BooksCloudfrontCallUrlC5182B2E', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:books",
  action: "lambda:InvokeFunctionUrl",
  principal: "cloudfront.amazonaws.com",
  sourceArn: "arn:aws:cloudfront::123456789012:distribution/E1EXAMPLE",
});
new lambda.CfnPermission(stack, 'BooksCloudfrontInvokeViaUrlDDEFC334', {
  functionName: "arn:aws:lambda:eu-central-1:123456789012:function:books",
  action: "lambda:InvokeFunction",
  principal: "cloudfront.amazonaws.com",
  sourceArn: "arn:aws:cloudfront::123456789012:distribution/E1EXAMPLE",
  invokedViaFunctionUrl: true,
});
