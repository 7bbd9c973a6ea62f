//! The feed.

use super::*;

/// Follows the feed to its end.
fn follow(hq: &Hq, path: &str) -> (Vec<Value>, String) {
    let (mut all, mut next) = (Vec::new(), String::new());
    loop {
        let part = hq.get(format!("{path}after={next}").trim_end_matches("after="));
        let items = part["items"].as_array().unwrap();
        let now = part["next"].as_str().unwrap().to_owned();
        if items.is_empty() && now == next {
            return (all, next);
        }
        all.extend(items.iter().cloned());
        next = now;
    }
}

#[test]
fn every_event_comes_once_in_order_whatever_the_size_of_a_page() {
    on_each_engine(|hq| {
        hq.sell("store-1", 1..=60);
        hq.sell("store-2", 1..=3);
        hq.sell("store-1", 61..=70);
        hq.apply(&batch("store-2", Stream::stock(), vec![received(1, "1")]));
        until("the feed has it all", || {
            let (all, _) = follow(hq, "/api/v1/events?limit=500&");
            (all.len() == 74).then_some(())
        });
        let name = |event: &Value| {
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            format!("{} {} {}", text("store"), text("stream"), event["sequence"])
        };
        let mut expected: Vec<_> = (1..=60).map(|number| format!("store-1 sales {number}")).collect();
        expected.extend((1..=3).map(|number| format!("store-2 sales {number}")));
        expected.extend((61..=70).map(|number| format!("store-1 sales {number}")));
        expected.push("store-2 stock 1".into());
        for limit in [1, 7, 500] {
            let (all, _) = follow(hq, &format!("/api/v1/events?limit={limit}&"));
            assert_eq!(all.iter().map(name).collect::<Vec<_>>(), expected, "{limit}");
        }
        let (all, end) = follow(hq, "/api/v1/events?kinds=stock.moved,none&");
        assert_eq!(all.iter().map(name).collect::<Vec<_>>(), ["store-2 stock 1"]);
        let (all, _) = follow(hq, "/api/v1/events?stores=store-2&kinds=sale.completed&");
        assert_eq!(all.iter().map(name).collect::<Vec<_>>(), expected[60..63]);
        assert_eq!(all[0]["body"]["totals"]["net"], 750);
        let ids: std::collections::BTreeSet<_> =
            follow(hq, "/api/v1/events?").0.iter().map(|e| e["id"].to_string()).collect();
        assert_eq!(ids.len(), 74);
        assert_eq!(hq.get("/api/v1/events?after=now")["next"], end);
    });
}

#[test]
fn who_waits_is_answered_by_the_next_event() {
    on_each_engine(|hq| {
        let next = hq.get("/api/v1/events?after=now")["next"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/events?after={next}&kinds=stock.moved&wait=30");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| hq.get(&path));
            hq.sell("store-1", 1..=3);
            hq.apply(&batch("store-1", Stream::stock(), vec![received(1, "1")]));
            let part = waiting.join().unwrap();
            assert_eq!(part["items"][0]["kind"], "stock.moved");
            assert_eq!(part["items"].as_array().unwrap().len(), 1);
        });
    });
}
