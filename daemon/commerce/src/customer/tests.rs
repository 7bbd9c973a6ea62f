use proptest::prelude::*;

use super::*;

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
