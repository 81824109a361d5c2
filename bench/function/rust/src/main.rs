//! The streamed answers of the benchmarks: the times at which they are written.

use lambda_runtime::streaming::{channel, Body, Response};
use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PIECES: usize = 8;
const PAUSE: Duration = Duration::from_millis(5); // for what comes before to be on its way

async fn handle(_: LambdaEvent<Value>) -> Result<Response<Body>, Error> {
    let (mut sender, body) = channel();
    tokio::spawn(async move {
        for _ in 0..PIECES {
            tokio::time::sleep(PAUSE).await;
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
            sender.send_data(format!("{now}\n").into()).await?;
        }
        Ok::<(), Error>(())
    });
    Ok(Response::from(body))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}
