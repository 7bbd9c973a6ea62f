use std::{fs, net::IpAddr};

use super::*;

fn till() -> RegisterName {
    "till-1".parse().unwrap()
}

fn peer(host: u8) -> Peer {
    IpAddr::from([10, 0, 0, host]).into()
}

fn again(store: &Store, directory: &Path) -> Registers {
    // Commits, which a runtime task must not wait for.
    let opened = || Registers::open(store, directory, |name| *name == till(), 1).unwrap();
    std::thread::scope(|scope| scope.spawn(opened).join().unwrap())
}

fn open() -> (tempfile::TempDir, Store, Registers) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), store::EngineKind::Sqlite, &app::linked_tables(), 1).unwrap();
    let registers = again(&store, directory.path());
    (directory, store, registers)
}

fn named(registers: &Registers, token: &str) -> Option<Actor> {
    registers.register(token).map(|grant| grant.actor)
}

#[tokio::test]
async fn a_code_pairs_once_and_the_token_lasts_over_a_restart() {
    let (directory, store, registers) = open();
    let code = registers.new_code(&till(), None).unwrap();
    assert_eq!(registers.use_code(None, &code), Ok((till(), None)));
    assert_eq!(registers.use_code(None, &code).unwrap_err().kind, &CODE_WRONG);
    let token = registers.pair(&store, till(), None, 1).await.unwrap();
    let again = again(&store, directory.path());
    assert_eq!(named(&again, &token), Some(Actor::register(till())));
    assert_eq!(named(&again, "guess"), None);
}

#[tokio::test]
async fn pairing_again_invalidates_the_old_token() {
    let (_directory, store, registers) = open();
    let first = registers.pair(&store, till(), None, 1).await.unwrap();
    let grant = registers.register(&first).unwrap();
    let second = registers.pair(&store, till(), None, 2).await.unwrap();
    assert_eq!((named(&registers, &first), named(&registers, &second)), (None, Some(Actor::register(till()))));
    // Immediately.
    registers.ended(&grant).await;
}

#[tokio::test]
async fn a_token_ends_with_its_register_in_the_config() {
    let (directory, store, registers) = open();
    let token = registers.pair(&store, "till-9".parse().unwrap(), None, 1).await.unwrap();
    for _ in 0..2 {
        let again = again(&store, directory.path());
        assert_eq!((named(&again, &token), again.paired()), (None, vec![]));
    }
    let mut left = 0;
    registers::each_paired(&store, |_| left += 1).unwrap();
    assert_eq!(left, 0, "it does not come back with a register of the same name");
    let acts = app::audit::last(&store, None, 10).unwrap();
    assert_eq!(acts[0].act, "register_unpaired");
}

#[test]
fn guessing_codes_slows_down_only_the_guessing_peer() {
    let (_directory, _store, registers) = open();
    let right = registers.console_code.clone();
    for _ in 0..5 {
        assert_eq!(registers.log_in(Some(peer(1)), "0000000000").unwrap_err().kind, &CODE_WRONG);
    }
    for _ in 0..100 {
        let refusal = registers.log_in(Some(peer(1)), &right).unwrap_err();
        assert_eq!((refusal.kind, &refusal.members), (&TOO_MANY_ATTEMPTS, &vec![("retry_after_s", 1.into())]));
        assert_eq!(registers.use_code(Some(peer(1)), "00000000").unwrap_err().kind, &TOO_MANY_ATTEMPTS);
    }
    assert!(registers.log_in(Some(peer(2)), &right).is_ok());
}

#[test]
fn the_console_code_opens_a_session_that_ends_by_logging_out() {
    let (directory, _store, registers) = open();
    let code = fs::read_to_string(directory.path().join("console-code")).unwrap();
    let log_in = || {
        let cookie = format!("{COOKIE}={}", registers.log_in(None, &code).unwrap());
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        headers
    };
    let (first, second, third) = (log_in(), log_in(), log_in());
    let is_in = |headers: &HeaderMap| registers.asker(headers).is_ok();
    let grant = registers.asker(&first).unwrap();
    assert_eq!((&grant.actor, grant.is_session()), (&Actor::console(), true));
    registers.log_out(&grant);
    assert_eq!((is_in(&first), is_in(&second), is_in(&third)), (false, true, true));
    registers.log_all_out();
    assert_eq!((is_in(&second), is_in(&third)), (false, false));
    let guess = HeaderMap::from_iter([(header::COOKIE, format!("{COOKIE}=guess").parse().unwrap())]);
    assert!(!is_in(&guess));
}

#[tokio::test]
async fn a_ticket_is_valid_once_and_no_longer_than_its_token() {
    let (_directory, store, registers) = open();
    let token = registers.pair(&store, till(), None, 1).await.unwrap();
    let grant = registers.register(&token).unwrap();
    let ticket = registers.ticket(&grant).unwrap();
    assert_eq!(registers.use_ticket(&ticket).as_ref(), Ok(&grant));
    assert_eq!(registers.use_ticket(&ticket).unwrap_err().kind, &UNAUTHENTICATED);
    let late = registers.ticket(&grant).unwrap();
    registers.forget(&till(), None);
    assert_eq!(registers.use_ticket(&late).unwrap_err().kind, &UNAUTHENTICATED);
}

#[tokio::test]
async fn the_authentication_scheme_is_case_insensitive() {
    let (_directory, store, registers) = open();
    let token = registers.pair(&store, till(), None, 1).await.unwrap();
    let asks = |value: String| {
        registers.asker(&HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])).is_ok()
    };
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR "] {
        assert!(asks(format!("{scheme} {token}")), "{scheme}");
    }
    assert!(!asks(format!("Basic {token}")) && !asks(token.clone()));
}
