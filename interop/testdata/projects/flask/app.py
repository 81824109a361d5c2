from flask import Flask, jsonify, request

app = Flask(__name__)


@app.get("/")
def page():
    return jsonify(text="first edition", caller=request.headers.get("x-amzn-request-context"))


@app.post("/login")
def login():
    return jsonify(user=request.get_json()["user"])
