"""A FastAPI application that knows nothing of Lambda. It answers as the one in ../webserver does."""

import asyncio
import json

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

app = FastAPI()


@app.api_route("/hello", methods=["GET", "HEAD"])
def hello(request: Request, name: str = ""):
    context = json.loads(request.headers["x-amzn-request-context"])
    return {
        "name": name,
        "caller": context["authorizer"]["iam"]["userArn"],
        "host": request.headers["host"],
        "cookie": request.headers.get("cookie", ""),
    }


@app.post("/echo")
async def echo(request: Request):
    return Response(await request.body(), media_type="application/octet-stream")


@app.get("/events")
async def events(n: int, pause: float):
    async def numbers():
        for i in range(n):
            yield f"data: {i}\n\n"
            await asyncio.sleep(pause)

    return StreamingResponse(numbers(), media_type="text/event-stream")


@app.get("/enter")
def enter():
    response = RedirectResponse("/hello", status_code=302)
    response.set_cookie("session", "one", httponly=True)
    response.set_cookie("theme", "dark")
    return response
