//! A disk that fills up: the least important work is refused first and sales last, nothing answered is lost, and with
//! free space the hub sells again.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use fastrand::Rng;
use serde_json::Value;
use system_tests::{
    ENGINES, Ends, alone,
    judge::has_all,
    register::{Client, NoAnswer},
    shop::{Hub, LIMIT, Plan, Shop},
    small_disk::SmallDisk,
    till::{Asked, Book, Till},
    until,
};
use ureq::http::Method;

const REGISTERS: usize = 4;

const MB: u64 = 1024 * 1024;

/// The size of the disk: ample space at first.
const DISK: u64 = 420 * MB;

/// Both engines one after the other: each has the machine for itself.
#[test]
fn on_a_full_disk_sales_are_refused_last_and_nothing_is_lost() {
    let _machine = alone();
    for engine in ENGINES {
        for fills_up in [seen_in_time, found_full] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().canonicalize().unwrap();
            match SmallDisk::mount(&path, DISK) {
                Ok(disk) => fills_up(&Store::open(engine, disk)),
                Err(why) => {
                    system_tests::skipped(&format!(
                        "no small disk can be mounted here ({why}); run it as root, with loop devices"
                    ));
                    return;
                }
            }
        }
    }
}

/// Space is used up gradually: the hub refuses one thing after the other, sales last, and continues by itself when
/// there is space.
fn seen_in_time(store: &Store) {
    let console = store.shop.console().unwrap();
    let load = |room: &str| {
        let key = format!("catalog-{room}");
        let reply = console.once(&Method::POST, "/api/v1/items", Some(&key), r#"{"items":[]}"#).unwrap();
        (reply.status, reply.body["type"].as_str().map(str::to_owned))
    };
    let (loaded, disk_full) = ((200, None), (507, Some("/problems/disk-full".to_owned())));
    let (book, over) = (Book::default(), AtomicBool::new(false));
    let mut sold = Vec::new();
    thread::scope(|scope| {
        let _ends = Ends(&over);
        store.sells(scope, &book, &over);
        for (leave, room) in [(300 * MB, "ample"), (200 * MB, "low"), (40 * MB, "scarce")] {
            store.disk.fill(leave).unwrap();
            store.comes_to("room", &room.into());
            let before = book.sold();
            assert!(until(LIMIT, || book.sold() > before + 50), "{}, {room}: sales continue", store.engine);
            sold.push((room, book.sold()));
            let expected = if room == "scarce" { &disk_full } else { &loaded };
            assert_eq!(load(room), *expected, "{}, {room}", store.engine);
        }
        // A backup to the store's own disk would stop the sales; to another disk it works.
        let refused = store.shop.back_up(&store.disk.path.join("backup"), &[]).unwrap_err();
        assert!(refused.contains("choose another disk"), "{}: {refused}", store.engine);
        assert!(!store.disk.path.join("backup").exists() && !store.disk.path.join("backup.new").exists());
        let elsewhere = store.disk.path.with_file_name(format!("{}.backup", store.engine));
        // The hub may not have noticed yet that the first client disconnected.
        let written = || match store.shop.back_up(&elsewhere, &[]) {
            Ok(()) => true,
            Err(why) if why.contains("another backup is running") => false,
            Err(why) => panic!("{}: {why}", store.engine),
        };
        assert!(until(LIMIT, written), "{}: a backup onto another disk", store.engine);
        store.disk.fill(8 * MB).unwrap();
        store.comes_to("room", &"full".into());
        let reply =
            store.clients[0].once(&Method::POST, "/api/v1/baskets", Some("basket-on-a-full-disk"), "{}").unwrap();
        assert_eq!((reply.status, reply.body["type"].as_str()), (507, Some("/problems/disk-full")));
    });
    assert_eq!(store.status()["stopped"], Value::Null, "{}: it refuses and has not stopped", store.engine);
    store.disk.make_room().unwrap();
    store.comes_to("room", &"ample".into());
    let after = Book::default();
    Till::new(&store.clients[0], &after, "till-1", Rng::with_seed(9), 500_000).sell(&mut |_| true).unwrap();
    let asked = [book.read(), after.read()].concat();
    let checked = store.has_all(&asked);
    eprintln!("{}, filled by and by: sales answered when ample, low, scarce: {sold:?}; {checked}", store.engine);
}

/// Space is used up at once, so that usually a write finds the disk full. The hub stops and reports it, and after a
/// restart with free space everything is there.
fn found_full(store: &Store) {
    let (book, over) = (Book::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        let _ends = Ends(&over);
        store.sells(scope, &book, &over);
        assert!(until(LIMIT, || book.sold() > 50), "{}: it sells", store.engine);
        store.disk.fill(MB / 4).unwrap();
        // The hub may check the disk before it writes.
        let stopped = || {
            let status = store.status();
            status["stopped"].is_string() || status["keeping"]["room"] == "full"
        };
        assert!(until(LIMIT, stopped), "{}: a full disk is reported", store.engine);
    });
    let status = store.status();
    let reply = store.clients[0].once(&Method::POST, "/api/v1/baskets", Some("basket-on-a-full-disk"), "{}").unwrap();
    let told = (reply.status, reply.body["type"].as_str());
    assert!(
        matches!(told, (503, Some("/problems/store-stopped")) | (507, Some("/problems/disk-full"))),
        "{}: {told:?}",
        store.engine
    );
    store.disk.make_room().unwrap();
    let checked = store.has_all(&book.read());
    eprintln!("{}, full at once: stopped by {}, told {told:?}; {checked}", store.engine, status["stopped"]);
}

/// A store on a small disk with a running hub.
struct Store {
    engine: &'static str,
    disk: SmallDisk,
    shop: Shop,
    hub: Mutex<Hub>,
    clients: Vec<Client>,
}

impl Store {
    fn open(engine: &'static str, disk: SmallDisk) -> Self {
        let plan = Plan { engine, data: &disk.path.join("data"), registers: REGISTERS, headquarters: None };
        let shop = Shop::build(&disk.path.with_file_name("shop"), &plan).unwrap();
        let hub = Mutex::new(shop.start(&[]).unwrap());
        let clients = shop.open().unwrap();
        Self { engine, disk, shop, hub, clients }
    }

    fn status(&self) -> Value {
        self.clients[0].get("/api/v1/status").unwrap()
    }

    fn comes_to(&self, field: &str, value: &Value) {
        let there = || self.status()["keeping"][field] == *value;
        assert!(until(LIMIT, there), "{}: {field} is {value}: {}", self.engine, self.status());
    }

    /// Every register sells until it is told to stop, or refused.
    fn sells<'s>(&'s self, scope: &'s thread::Scope<'s, '_>, book: &'s Book, over: &'s AtomicBool) {
        for (number, client) in (1..).zip(&self.clients) {
            let mut till = Till::new(client, book, &format!("till-{number}"), Rng::with_seed(number), 0);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    match till.sell(&mut |_| !over.load(Ordering::Relaxed)) {
                        Ok(()) => {}
                        Err(NoAnswer::Refused(why)) => {
                            assert!(why.contains("/problems/disk-full"), "{why}");
                            break;
                        }
                        Err(NoAnswer::GaveUp) => break,
                    }
                }
            });
        }
    }

    /// Kills and restarts the hub, and checks that everything answered is there; then it sells, and the store has no
    /// faults.
    fn has_all(&self, asked: &[Asked]) -> String {
        self.hub.lock().unwrap().kill();
        has_all(&self.shop, &self.clients, asked).unwrap_or_else(|why| panic!("{}: {why}", self.engine))
    }
}
