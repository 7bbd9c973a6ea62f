use proptest::prelude::*;

use super::*;

/// The most entries of a list.
const MOST: usize = 20;

fn customer(name: &str, phone: &str, email: &str) -> Profile {
    let mut profile = Profile::new(CustomerId::from_random([1; 16]), 1);
    profile.name = Some(name.into());
    profile.phones = vec![phone.into()];
    profile.emails = vec![email.into()];
    profile
}

fn consent(purpose: &str, given: bool, at_ms: i64) -> Consent {
    Consent { purpose: purpose.into(), text_version: "2026-1".into(), given, at_ms }
}

#[test]
fn an_id_is_a_random_uuid() {
    let id = CustomerId::from_random([0xff; 16]);
    assert_eq!(id.as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    assert_eq!(id.as_str().parse(), Ok(id));
    for wrong in ["", "x", "FFFFFFFF-ffff-4fff-bfff-ffffffffffff"] {
        assert_eq!(wrong.parse::<CustomerId>(), Err(InvalidCustomer::Id));
    }
}

#[test]
fn a_phone_number_is_found_in_every_form_and_a_name_by_its_beginnings() {
    let ada = customer("Ada Lovelace-Byron", "+43 664 123 45 67", "Ada@Example.com");
    let keys = keys(&ada);
    let is_found = |lookup: Lookup| {
        let (key, is_prefix) = lookup.key().unwrap();
        let fits = |known: &String| if is_prefix { known.starts_with(&key) } else { *known == key };
        keys.iter().any(fits) && lookup.matches(&ada)
    };
    for phone in ["0664 1234567", "0043-664-1234567", "+436641234567"] {
        assert!(is_found(Lookup::Phone(phone.into())), "{phone}");
    }
    assert!(is_found(Lookup::Email(" ADA@example.COM ".into())));
    for name in ["ada", "Love", "byron", "byron ada", "AD lov"] {
        assert!(is_found(Lookup::Name(name.into())), "{name}");
    }
    assert!(!is_found(Lookup::Name("Ada Hopper".into())) && !is_found(Lookup::Phone("0664 1234568".into())));
    assert_eq!(Lookup::Name(" - ".into()).key(), None);
}

#[test]
fn a_profile_is_checked_and_its_errors_repeat_nothing_personal() {
    assert_eq!(customer("Ada", "0664 123456", "a@b.c").check(), Ok(()));
    for (wrong, why) in [
        (customer("", "0664 123456", "a@b.c"), InvalidCustomer::Text("name")),
        (customer("Ada", "12", "a@b.c"), InvalidCustomer::Phone),
        (customer("Ada", "0664 abcdef", "a@b.c"), InvalidCustomer::Phone),
        (customer("Ada", "0664 123456x", "a@b.c"), InvalidCustomer::Phone),
        (customer("Ada", "0664 123456", "@b.c"), InvalidCustomer::Email),
        (customer("Ada", "0664 123456", "a@b"), InvalidCustomer::Email),
        (
            Profile { tags: vec!["t".into(); 21], ..customer("Ada", "0664 123456", "a@b.c") },
            InvalidCustomer::TooMany("tags"),
        ),
        (Profile::new(CustomerId::from_random([1; 16]), 1), InvalidCustomer::Empty),
    ] {
        assert_eq!(wrong.check(), Err(why));
    }
}

#[test]
fn merging_keeps_every_way_to_reach_them_and_the_later_consent() {
    let mut one = customer("Ada", "0664 1234567", "ada@example.com");
    one.consents = vec![consent("email", true, 10), consent("post", true, 10)];
    let mut other = customer("A. Byron", "+43 664 1234567", "byron@example.com");
    other.consents = vec![consent("email", false, 20), consent("post", false, 5), consent("sms", true, 1)];
    one.merge(other);
    assert_eq!((one.name.as_deref(), one.phones.len(), one.emails.len()), (Some("Ada"), 1, 2));
    assert_eq!((one.agreed_to("email"), one.agreed_to("post"), one.agreed_to("sms")), (false, true, true));
}

proptest! {
    #[test]
    fn consents_do_not_depend_on_the_order_of_merges(
        times in proptest::collection::vec((0..3_usize, any::<bool>(), 0..50_i64), 0..12),
    ) {
        let purposes = ["email", "sms", "post"];
        // Two answers of one moment can't be told apart.
        let mut seen = std::collections::BTreeSet::new();
        let consents: Vec<_> = times.into_iter().filter(|(purpose, _, at)| seen.insert((*purpose, *at)))
            .map(|(purpose, given, at)| consent(purposes[purpose], given, at)).collect();
        let merged = |order: Vec<Consent>| {
            let mut profile = customer("Ada", "0664 123456", "a@b.c");
            for consent in order {
                profile.consent(consent);
            }
            purposes.map(|purpose| profile.agreed_to(purpose))
        };
        let reversed = consents.iter().rev().cloned().collect();
        prop_assert_eq!(merged(consents), merged(reversed));
    }
}

#[test]
fn lists_are_bounded() {
    let offer = |number: usize| PersonalOffer { code: format!("SPR-{number}"), until_ms: 1 };
    let purposes = |count: usize| (0..count).map(|number| consent(&number.to_string(), true, 1)).collect::<Vec<_>>();
    let full = Profile {
        phones: vec!["0664 123456".into(); MOST],
        emails: vec!["a@b.c".into(); MOST],
        cards: vec!["7".into(); MOST],
        tags: vec!["t".into(); MOST],
        groups: vec!["g".into(); MOST],
        consents: purposes(MOST),
        offers: (0..MOST).map(offer).collect(),
        ..customer("Ada", "", "")
    };
    assert_eq!(full.check(), Ok(()));
    let too_many = |change: &dyn Fn(&mut Profile)| {
        let mut profile = full.clone();
        change(&mut profile);
        profile.check()
    };
    let refused = |field| Err(InvalidCustomer::TooMany(field));
    assert_eq!(too_many(&|profile| profile.phones.push("0664 123456".into())), refused("phones"));
    assert_eq!(too_many(&|profile| profile.groups.push("g".into())), refused("groups"));
    assert_eq!(too_many(&|profile| profile.consents = purposes(MOST + 1)), refused("consents or offers"));
    assert_eq!(too_many(&|profile| profile.offers.push(offer(MOST))), refused("consents or offers"));
    let mut merged = full.clone();
    merged.merge(Profile {
        phones: vec!["0664 999999".into()],
        offers: vec![offer(MOST)],
        ..customer("Ada", "", "new@b.c")
    });
    assert_eq!((merged.phones.len(), merged.emails.len(), merged.offers.len()), (MOST, MOST, MOST));
}

#[test]
fn what_two_profiles_have_is_merged_once() {
    let offer = |code: &str| PersonalOffer { code: code.into(), until_ms: 1 };
    let mut one = Profile { offers: vec![offer("A")], ..customer("Ada", "0664 1234567", "ada@example.com") };
    let mut other = customer("Ada", "0664 7654321", "ADA@Example.com");
    (other.offers, other.cards) = (vec![offer("A"), offer("B")], vec!["7".into(), "7".into()]);
    one.merge(other);
    assert_eq!(one.phones, ["0664 1234567", "0664 7654321"]);
    assert_eq!((one.emails.len(), one.cards.len()), (1, 1));
    assert_eq!(one.offers, [offer("A"), offer("B")]);
}

#[test]
fn a_refusal_is_neither_consent_nor_silence() {
    let mut ada = customer("Ada", "0664 123456", "a@b.c");
    ada.consents = vec![consent("email", false, 1), consent("post", true, 1)];
    let told = ["email", "post", "sms"].map(|purpose| (ada.agreed_to(purpose), ada.refused(purpose)));
    assert_eq!(told, [(false, true), (true, false), (false, false)]);
    assert_eq!(ada.id.to_string(), ada.id.as_str());
}

#[test]
fn a_customer_is_looked_up_by_one_thing() {
    let wanted = |json: &str| serde_json::from_str::<Wanted>(json).unwrap().lookup();
    assert!(matches!(wanted(r#"{"phone": "1"}"#), Some(Lookup::Phone(phone)) if phone == "1"));
    assert!(matches!(wanted(r#"{"email": "a@b.c"}"#), Some(Lookup::Email(_))));
    assert!(matches!(wanted(r#"{"card": "7"}"#), Some(Lookup::Card(_))));
    assert!(matches!(wanted(r#"{"name": "Ada"}"#), Some(Lookup::Name(_))));
    assert!(wanted("{}").is_none() && wanted(r#"{"card": "7", "name": "Ada"}"#).is_none());
}
