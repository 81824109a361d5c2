//! Signs requests with the crate aws-sigv4 as its documentation shows, and sends each as it was signed. Cases that say
//! in how many seconds they expire are presigned and not sent.
//!
//! Cases come as lines of JSON on standard input, results go as lines of JSON to standard output: a response, or a
//! presigned URL. A character of a body stands for the byte of that number. The credentials and the region are those of
//! the environment.

use std::error::Error;
use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    sign, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
};
use aws_sigv4::sign::v4;
use serde_json::{json, Value};

type Request = http::Request<Vec<u8>>;

fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let region = variable("AWS_REGION")?;
    let credentials = Credentials::new(
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
        std::env::var("AWS_SESSION_TOKEN").ok(),
        None,
        "environment",
    );

    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let expires = case["expires"].as_u64().map(Duration::from_secs);
        let outcome = signed(&case, expires, &credentials, &region).and_then(|request| match expires {
            Some(_) => Ok(json!({ "url": request.uri().to_string() })),
            None => send(&request),
        });
        let mut result = outcome.unwrap_or_else(|err| json!({ "error": err.to_string() }));
        result["id"] = case["id"].clone();
        writeln!(out, "{result}")?;
    }
    Ok(())
}

fn signed(
    case: &Value,
    expires: Option<Duration>,
    credentials: &Credentials,
    region: &str,
) -> Result<Request, Box<dyn Error>> {
    let text = |name: &str| case[name].as_str().unwrap_or_default();
    let body: Vec<u8> = text("body").chars().map(|c| c as u8).collect();
    let mut builder = http::Request::builder().method(text("method")).uri(text("url"));
    for (name, value) in case["headers"].as_object().into_iter().flatten() {
        builder = builder.header(name, value.as_str().unwrap_or_default());
    }
    let mut request = builder.body(body)?;

    let mut settings = SigningSettings::default();
    if expires.is_some() {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = expires;
    }
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("lambda")
        .time(SystemTime::now())
        .settings(settings)
        .build()?
        .into();
    let mut headers = Vec::new();
    for (name, value) in request.headers() {
        headers.push((name.as_str(), value.to_str()?));
    }
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        headers.into_iter(),
        SignableBody::Bytes(request.body().as_slice()),
    )?;
    let (instructions, _signature) = sign(signable, &params)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

/// Writes the request to a connection of its own, changing nothing, and reads the response to its end.
fn send(request: &Request) -> Result<Value, Box<dyn Error>> {
    let uri = request.uri();
    let host = uri.authority().ok_or("the URL has no host")?.as_str();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut head = format!(
        "{} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
        request.method(),
        request.body().len()
    );
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\r\n", value.to_str()?);
    }
    head += "\r\n";

    let mut connection = TcpStream::connect(host)?;
    connection.set_read_timeout(Some(Duration::from_secs(30)))?;
    connection.write_all(&[head.as_bytes(), request.body()].concat())?;
    let mut response = Vec::new();
    connection.read_to_end(&mut response)?;

    let end = response
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or("the response has no end of its header")?;
    let (head, body) = (std::str::from_utf8(&response[..end])?, &response[end + 4..]);
    let status: u16 = head.split(' ').nth(1).unwrap_or_default().parse()?;
    let header = |wanted: &str| {
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map_or("", |(_, value)| value)
    };
    Ok(json!({
        "status": status,
        "errorType": header("x-amzn-errortype"),
        "requestId": header("x-amzn-requestid"),
        "body": String::from_utf8_lossy(body),
    }))
}
