"""my-function-with-url: an ordinary FastAPI app that Mangum makes a Lambda function of."""

from fastapi import FastAPI, Request
from mangum import Mangum
from pydantic import BaseModel

# A caller that signs a JSON text with botocore sends it without a content type unless it sets one.
app = FastAPI(strict_content_type=False)


class Login(BaseModel):
    user: str
    token: str


def caller(request: Request) -> str:
    """Who signed the request: Lambda has verified it and says so in the event."""
    return request.scope["aws.event"]["requestContext"]["authorizer"]["iam"]["userArn"]


@app.get("/book")
def book(page: int, request: Request):
    return {"page": page, "caller": caller(request)}


@app.post("/login")
def login(login: Login, request: Request):
    return {"user": login.user, "caller": caller(request)}


handler = Mangum(app, lifespan="off")
