import json


def handler(event, context):
    page = event["queryStringParameters"]["page"]
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"page": page, "title": "A page of a book"}),
    }
