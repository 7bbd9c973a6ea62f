//! Announcements to a real bridge over a real broker, and what the hub says of them.

use std::{
    future::Future,
    pin::Pin,
    process::Command,
    sync::{Arc, Mutex},
};

use bridge::{BridgeConfig, Inbox, InboxError, PublicationsNow};
use contract::{
    DownBatch, HubId, PublicationKind, Received, Stream,
    publication::{Announcement, CATALOG, Effective, MAX_ANNOUNCEMENT, PublicationState, Purpose, SigningKey, State},
};
use hq::{
    database::Database,
    publications::{Announcer, Order, Publications, items, objects::Objects, publish},
};
use tokio::sync::watch;

use crate::world::{self, Embedded, Memory, MemoryInbox, line, until};

/// An inbox that takes announcements, and says what it is told to say.
struct Announced {
    items: MemoryInbox,
    heard: Mutex<Vec<Vec<u8>>>,
    states: watch::Sender<PublicationsNow>,
}

impl Inbox for Announced {
    fn streams(&self) -> Vec<Stream> {
        self.items.streams()
    }

    fn received(&self, stream: &Stream) -> Result<Received, InboxError> {
        self.items.received(stream)
    }

    fn apply(&self, batch: DownBatch) -> Pin<Box<dyn Future<Output = Result<Received, InboxError>> + Send + '_>> {
        self.items.apply(batch)
    }

    fn announced(&self, kind: PublicationKind, document: Vec<u8>) {
        assert_eq!(kind.as_str(), CATALOG);
        self.heard.lock().unwrap().push(document);
    }

    fn publications(&self) -> Option<watch::Receiver<PublicationsNow>> {
        Some(self.states.subscribe())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_hears_of_a_publication_and_hq_of_its_refusal_over_a_line_that_is_cut() {
    let broker = Embedded::start().await;
    let (address, cut) = line(broker.address).await;
    let directory = tempfile::tempdir().unwrap();
    let key = SigningKey::generate().unwrap().0;
    let objects = Objects::open(directory.path()).unwrap();
    let publications = Publications::of(Database::in_memory().await.unwrap());
    let (hub, kind): (HubId, PublicationKind) = ("store-1".parse().unwrap(), CATALOG.parse().unwrap());
    let catalog = (1..=10).map(|number| (number.to_string(), world::item(number, 100))).collect();
    let order = Order {
        kind: kind.clone(),
        records: items::records(&catalog).unwrap(),
        hubs: vec![hub.clone()],
        effective: Effective::At(1),
        may_shrink: false,
        from: "https://hq.example.com/publications".into(),
        spread_s: 0,
        made_at_ms: 1,
    };
    publish(&publications, &objects, &key, order).await.unwrap();
    let _announcer = Announcer::start(world::broker(broker.address), publications.clone());

    let (_store, last) = watch::channel(0);
    let inbox = Arc::new(Announced {
        items: MemoryInbox::default(),
        heard: Mutex::default(),
        states: watch::Sender::default(),
    });
    let config = BridgeConfig { broker: world::broker(address), software: "test".into() };
    let _bridge = bridge::start(config, Arc::new(Memory::new(last)), inbox.clone());
    until("the hub hears of it", || !inbox.heard.lock().unwrap().is_empty()).await;
    let document = inbox.heard.lock().unwrap()[0].clone();
    let announcement: Announcement = key.public().open(Purpose::Announcement, &document, MAX_ANNOUNCEMENT).unwrap();
    assert_eq!((announcement.hub, announcement.version), (hub, 1));

    // The broker keeps it for whoever connects anew.
    inbox.heard.lock().unwrap().clear();
    cut.send_modify(|cuts| *cuts += 1);
    until("the hub hears of it again", || !inbox.heard.lock().unwrap().is_empty()).await;

    let refused = PublicationState {
        kind: kind.clone(),
        version: 1,
        state: State::Refused,
        since_ms: 7,
        why: Some("item 4: the price -1 is out of range".into()),
    };
    inbox.states.send_replace(PublicationsNow { revision: 1, states: vec![refused] });
    loop {
        let targets = publications.targets(&kind, 1).await.unwrap();
        if targets[0].state.is_some() {
            assert_eq!(targets[0].state.as_deref(), Some("refused"));
            assert_eq!(targets[0].why.as_deref(), Some("item 4: the price -1 is out of range"));
            break;
        }
        tokio::task::yield_now().await;
    }
}

fn program(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_store-hub-hq")).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_program_makes_a_key_shows_a_diff_publishes_and_says_how_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (key, items, ledger, objects) = (path("hq.key"), path("items.csv"), path("hq.db"), path("objects"));
    let (done, printed, _) = program(&["signing-key", &key]);
    assert!(done && printed.starts_with("[publications]\nkey = \""), "{printed}");
    assert_eq!(program(&["signing-key", &key]).1, printed, "it is there");
    std::fs::write(&items, "sku,description,price\n4011,Bananas,99\n818981,Cereal,369\n").unwrap();
    let of_ledger = ["--ledger", &ledger];
    assert!(program(&[&["group", "set", "south", "store-2", "store-1"][..], &of_ledger].concat()).0);
    let publishing = ["publish", "catalog", &items, "--group", "south", "--objects", &objects];
    let publishing = [&publishing[..], &["--effective", "2026-12-01T05:00"], &of_ledger].concat();
    let (done, printed, why) = program(&[&publishing[..], &["--dry-run"]].concat());
    assert!(done, "{why}");
    assert!(printed.contains("2 hubs (no publication yet): store-1, store-2"), "{printed}");
    assert!(
        printed.contains("from 2026-12-01T05:00, each store's local time: 2 added, 0 changed, 0 removed"),
        "{printed}"
    );
    assert!(printed.contains("+ 4011  Bananas  99 per each"), "{printed}");
    let signed = ["--key", &key, "--from", "https://hq.example.com/publications"];
    let (done, printed, why) = program(&[&publishing[..], &signed].concat());
    assert!(done && printed.starts_with("catalog version 1: 2 records"), "{printed}{why}");
    std::fs::write(&items, "sku,description,price\n4011,Bananas,89\n818981,Cereal,369\n").unwrap();
    let (_, printed, _) = program(&[&publishing[..], &["--dry-run"]].concat());
    assert!(printed.contains("~ 4011  Bananas  99 per each -> 89 per each"), "{printed}");
    let (_, printed, _) = program(&[&["publications"][..], &of_ledger].concat());
    assert!(printed.contains("catalog version 1: 2 records") && printed.contains("2 unknown"), "{printed}");
    let (_, printed, _) = program(&[&["publications", "1", "--json"][..], &of_ledger].concat());
    assert!(printed.contains(r#"{"hub":"store-1","state":null"#), "{printed}");

    let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o644);
    std::fs::set_permissions(&key, open).unwrap();
    for (more, expected) in [
        (&["--key", &key, "--from", "https://hq.example.com"][..], "chmod 600"),
        (&["--key", &key, "--from", "http://hq.example.com"], "expected https://"),
        (&["--effective", "tomorrow", "--dry-run"], "--effective `tomorrow`"),
        (&["--group", "north", "--dry-run"], "unknown group `north`"),
    ] {
        let base: Vec<_> = if more[0] == "--effective" {
            vec!["publish", "catalog", &items, "--to", "store-1", "--objects", &objects, "--ledger", &ledger]
        } else {
            publishing.clone()
        };
        let (done, _, why) = program(&[&base[..], more].concat());
        assert!(!done && why.contains(expected), "{why}");
    }
}
