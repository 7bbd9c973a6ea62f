//! A hub without a connection to HQ. The clock is virtual.

use std::{
    future::{Future, ready},
    net::SocketAddr,
    pin::Pin,
};

use contract::{ChainLink, DownBatch, Epoch, Event, HubId, Positions};
use link::BrokerAddress;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

use super::*;
use crate::{
    inbox::InboxError,
    outbox::{Backlog, OutboxError},
};

/// A store with this many sales.
struct Sales(watch::Receiver<u64>);

impl Outbox for Sales {
    fn hub(&self) -> HubId {
        "store-1".parse().unwrap()
    }

    fn epoch(&self) -> Epoch {
        Epoch(7)
    }

    fn streams(&self) -> Vec<Stream> {
        vec![Stream::sales()]
    }

    fn span(&self, _: &Stream) -> Result<Span, OutboxError> {
        Ok(Span { first_kept: Sequence(1), last: Sequence(*self.0.borrow()), acknowledged: Sequence(0) })
    }

    fn read(&self, _: &Stream, _: Sequence, _: usize, _: usize) -> Result<Vec<Event>, OutboxError> {
        Ok(Vec::new())
    }

    fn link(&self, _: &Stream, _: Sequence) -> Result<Option<ChainLink>, OutboxError> {
        Ok(None)
    }

    fn positions(&self, _: &[Backlog]) -> Result<Vec<Positions>, OutboxError> {
        Ok(Vec::new())
    }

    fn acknowledged(
        &self,
        _: Stream,
        _: Sequence,
    ) -> Pin<Box<dyn Future<Output = Result<(), OutboxError>> + Send + '_>> {
        Box::pin(ready(Ok(())))
    }

    fn stopped(&self) -> Option<String> {
        None
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.0.clone()
    }
}

/// An inbox that accepts nothing.
struct Closed;

impl Inbox for Closed {
    fn streams(&self) -> Vec<Stream> {
        Vec::new()
    }

    fn received(&self, _: &Stream) -> Result<Received, InboxError> {
        Ok(Received::default())
    }

    fn apply(&self, _: DownBatch) -> Pin<Box<dyn Future<Output = Result<Received, InboxError>> + Send + '_>> {
        Box::pin(ready(Ok(Received::default())))
    }
}

/// A hub with this many sales, whose broker is at an address.
fn hub(broker: SocketAddr, sales: u64) -> (Bridge, watch::Sender<u64>) {
    let (store, last) = watch::channel(sales);
    let address = BrokerAddress { host: broker.ip().to_string(), port: broker.port(), tls: false };
    let config = BridgeConfig { broker: Broker { address, tls: None, login: None }, software: "test".into() };
    (start(config, Arc::new(Sales(last)), Arc::new(Closed)), store)
}

#[tokio::test(start_paused = true)]
async fn the_lag_is_counted_while_the_broker_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let (bridge, store) = hub(nobody, 150);
    let mut status = bridge.status();
    timeout(Duration::from_secs(2), status.wait_for(|status| status.lag == 150)).await.unwrap().unwrap();
    // By now the hub tries every five to ten seconds.
    sleep(Duration::from_secs(120)).await;
    for sales in 151..170 {
        store.send_replace(sales);
        timeout(Duration::from_secs(2), status.wait_for(|status| status.lag == sales)).await.unwrap().unwrap();
    }
    assert!(status.borrow().trouble.as_ref().is_some_and(|why| why.contains("connection failed")));
}

/// Reads a packet of the client: its payload.
async fn packet(client: &mut TcpStream) -> Vec<u8> {
    client.read_u8().await.unwrap();
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = client.read_u8().await.unwrap();
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut payload = vec![0; length];
    client.read_exact(&mut payload).await.unwrap();
    payload
}

/// Lets a client connect and subscribe, and then disconnects it.
async fn accept_and_close(listener: &TcpListener) {
    let (mut client, _) = listener.accept().await.unwrap();
    packet(&mut client).await;
    // CONNACK: success, without properties.
    client.write_all(&[0x20, 3, 0, 0, 0]).await.unwrap();
    let subscribe = packet(&mut client).await;
    // SUBACK: QoS 1 for each of the four filters.
    client.write_all(&[0x90, 7, subscribe[0], subscribe[1], 0, 1, 1, 1, 1]).await.unwrap();
    // DISCONNECT: the server is shutting down.
    client.write_all(&[0xe0, 2, 0x8b, 0]).await.unwrap();
    // Until the client has closed the connection.
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_closes_what_it_accepts_is_tried_ever_more_seldom() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_bridge, _store) = hub(listener.local_addr().unwrap(), 1);
    for _ in 0..10 {
        accept_and_close(&listener).await;
    }
    let began = Instant::now();
    accept_and_close(&listener).await;
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());
}
