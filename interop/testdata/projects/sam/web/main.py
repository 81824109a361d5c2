from fastapi import FastAPI, Request
from mangum import Mangum

app = FastAPI()


@app.get("/books/{number}")
def book(number: int, request: Request):
    caller = request.scope["aws.event"]["requestContext"]["authorizer"]["iam"]["userArn"]
    return {"number": number, "title": "first edition", "caller": caller}


handler = Mangum(app, lifespan="off")
