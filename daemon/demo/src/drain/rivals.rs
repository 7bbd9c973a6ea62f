//! The same sales by other means: what a retailer could use instead, and what the parts can do at most.

use std::{path::Path, sync::Arc, time::Duration};

use rumqttc::v5::{
    AsyncClient, Event, EventLoop, MqttOptions,
    mqttbytes::{QoS, v5::Packet},
};
use tokio::time::{Instant, timeout};
use tokio_postgres::NoTls;

use super::mosquitto::{Mosquitto, free};
use crate::wan::Wan;

/// How long nothing may arrive before a measurement fails.
const STILL: Duration = Duration::from_secs(30);

/// The topic of the sales.
const TOPIC: &str = "sales/store-1";

/// Messages in flight.
const IN_FLIGHT: u16 = 1_000;

fn client(name: &str, broker: &Mosquitto) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(name, broker.address.ip().to_string(), broker.address.port());
    options.set_clean_start(true).set_keep_alive(Duration::from_secs(60)).set_outgoing_inflight_upper_limit(IN_FLIGHT);
    options.set_receive_maximum(Some(IN_FLIGHT));
    AsyncClient::new(options, usize::from(IN_FLIGHT))
}

async fn next(events: &mut EventLoop) -> Result<Event, String> {
    let event = timeout(STILL, events.poll()).await.map_err(|_| "no message for 30 s")?;
    event.map_err(|error| error.to_string())
}

/// Subscribes; the future waits for `count` messages and returns the time from the first to the last.
async fn subscribed(
    broker: &Mosquitto,
    count: usize,
) -> Result<impl Future<Output = Result<Duration, String>>, String> {
    let (client, mut events) = client("subscriber", broker);
    client.subscribe(TOPIC, QoS::AtLeastOnce).await.map_err(|error| error.to_string())?;
    while !matches!(next(&mut events).await?, Event::Incoming(Packet::SubAck(_))) {}
    Ok(async move {
        let (mut left, mut first) = (count, None);
        while left > 0 {
            if let Event::Incoming(Packet::Publish(_)) = next(&mut events).await? {
                left -= 1;
                first.get_or_insert_with(Instant::now);
            }
        }
        // Dropping the client ends the subscription.
        drop(client);
        Ok(first.map(|first| first.elapsed()).unwrap_or_default())
    })
}

/// Publishes each body at QoS 1 and waits until the broker has acknowledged all of them.
async fn published(broker: &Mosquitto, bodies: Arc<[String]>) -> Result<(), String> {
    let (client, mut events) = client("publisher", broker);
    let mut left = bodies.len();
    tokio::spawn(async move {
        for body in bodies.iter() {
            if client.publish(TOPIC, QoS::AtLeastOnce, false, body.clone()).await.is_err() {
                break;
            }
        }
        // Dropping the client would end the event loop before the last acknowledgements.
        std::future::pending::<()>().await;
    });
    while left > 0 {
        if let Event::Incoming(Packet::PubAck(_)) = next(&mut events).await? {
            left -= 1;
        }
    }
    Ok(())
}

/// (a) A mosquitto in the store with the sales in its durable queue, which it forwards to HQ's: the time from the first
/// to the last at a subscriber, which commits nothing.
///
/// # Errors
/// mosquitto is not installed or stops forwarding.
pub(super) async fn bridge(home: &Path, bodies: Arc<[String]>) -> Result<Duration, String> {
    let hq = Mosquitto::start(&home.join("bridged"), free().await?, "").await?;
    let wan = Wan::lay(hq.address).await.map_err(|error| error.to_string())?;
    wan.toggle();
    let (count, far) = (bodies.len(), wan.address());
    let lines = format!(
        "persistence true\npersistence_location {}/\nautosave_interval 5\nmax_queued_messages 0\n\
         connection hq\naddress {far}\ntopic sales/# out 1\ncleansession false\nbridge_protocol_version mqttv50\n\
         restart_timeout 1 1\nnotifications false\n",
        home.join("store").display()
    );
    let store = Mosquitto::start(&home.join("store"), free().await?, &lines).await?;
    published(&store, bodies).await?;
    let arrived = subscribed(&hq, count).await?;
    wan.toggle();
    arrived.await
}

/// (b) Each sale as one message from a plain client to a subscriber.
///
/// # Errors
/// The broker stops forwarding.
pub(super) async fn bare(broker: &Mosquitto, bodies: Arc<[String]>) -> Result<Duration, String> {
    let arrived = subscribed(broker, bodies.len()).await?;
    let (took, ()) = tokio::try_join!(arrived, published(broker, bodies))?;
    Ok(took)
}

/// The tables of a sale.
const TABLES: [&str; 4] = ["event", "sale", "sale_line", "sale_tender"];

/// The columns of a table that can be written.
const COLUMNS: &str = "SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) \
    FROM information_schema.columns \
    WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER'";

/// A new connection to HQ's database.
///
/// # Errors
/// The database can't be reached.
pub(super) async fn connected(ledger: &str) -> Result<tokio_postgres::Client, String> {
    let (client, connection) = tokio_postgres::connect(ledger, NoTls).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    Ok(client)
}

/// (c) PostgreSQL's COPY of the same rows into tables with the same indexes, in one transaction.
///
/// # Errors
/// The database refuses.
pub(super) async fn copy(ledger: &str) -> Result<Duration, String> {
    use futures_util::{SinkExt, TryStreamExt, pin_mut};
    let said = |error: tokio_postgres::Error| match error.as_db_error() {
        Some(why) => why.to_string(),
        None => error.to_string(),
    };
    let mut client = connected(ledger).await?;
    client.batch_execute("DROP SCHEMA IF EXISTS copied CASCADE; CREATE SCHEMA copied").await.map_err(said)?;
    let mut all = Vec::new();
    for table in TABLES {
        let columns: String = client.query_one(COLUMNS, &[&table]).await.map_err(said)?.get(0);
        client
            .batch_execute(&format!("CREATE TABLE copied.{table} (LIKE {table} INCLUDING ALL)"))
            .await
            .map_err(said)?;
        let from = format!("COPY (SELECT {columns} FROM {table}) TO STDOUT (FORMAT binary)");
        let chunks: Vec<_> = client.copy_out(&from).await.map_err(said)?.try_collect().await.map_err(said)?;
        all.push((format!("COPY copied.{table} ({columns}) FROM STDIN (FORMAT binary)"), chunks));
    }
    let began = Instant::now();
    let transaction = client.transaction().await.map_err(said)?;
    for (into, chunks) in all {
        let sink = transaction.copy_in(&into).await.map_err(said)?;
        pin_mut!(sink);
        for chunk in chunks {
            sink.send(chunk).await.map_err(said)?;
        }
        sink.finish().await.map_err(said)?;
    }
    transaction.commit().await.map_err(said)?;
    let took = began.elapsed();
    client.batch_execute("DROP SCHEMA copied CASCADE").await.map_err(said)?;
    Ok(took)
}
