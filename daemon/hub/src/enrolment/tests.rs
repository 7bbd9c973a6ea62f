//! A box loses power at every step of its enrolment, and of the trial of a config.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU32},
};

use contract::{
    Digest,
    enrolment::{
        Answer, Certificates, CheckIn, Code, ConfigDocument, Enrolment, Order, Question, Reply, Signed, Ticket, read,
        signature,
    },
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SigningKey,
};

use super::{
    claim::{Applicant, CONFIG, ENROLLED, Enrolled},
    folder::Folder,
    keep, trial, wipe,
};

/// An authority that answers: HQ, as far as a box can tell.
struct Hq {
    root: String,
    hash: Digest,
    parameters: CertificateParams,
    key: KeyPair,
}

const TOML: &str = "[store]\nhub = \"store-1\"\nname = \"Store\"\ncurrency = \"EUR\"\ntime_zone = \"UTC\"\ndata = \
                    \"${STATE}/data\"\n[listen]\naddress = \"127.0.0.1:0\"\ncertificate = \"${STATE}/hub.pem\"\nkey = \
                    \"${STATE}/hub.key\"\n";

impl Hq {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = parameters.self_signed(&key).unwrap();
        Self { root: root.pem(), hash: Digest::of(root.der()), parameters, key }
    }

    fn ticket(&self) -> Ticket {
        let (service, location) = ("https://hq:8445".to_owned(), "store-1".parse().unwrap());
        Ticket { service, location, code: Code::draw().unwrap(), root: self.hash }
    }

    fn answer(&self, question: &Question, change: impl FnOnce(&mut Answer)) -> Reply {
        let asked: Enrolment = read(&question.body).unwrap();
        let issuer = Issuer::from_params(&self.parameters, &self.key);
        let sign = |request: &str, is_ca: bool| {
            let mut request = CertificateSigningRequestParams::from_pem(request).unwrap();
            if is_ca {
                request.params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            }
            request.signed_by(&issuer).unwrap().pem()
        };
        let mut answer = Answer {
            location: asked.location,
            nonce: asked.nonce,
            join: 1,
            answered_at_ms: 1_800_000_000_000,
            certificates: Some(Certificates {
                identity: sign(&asked.identity, false),
                store_authority: sign(&asked.store_authority, true),
                names: vec!["store-1.example.com".into(), "10.0.0.2".into()],
            }),
            config: Some(ConfigDocument { version: 3, toml: TOML.into() }),
            order: None,
        };
        change(&mut answer);
        self.reply(&answer)
    }

    fn reply(&self, answer: &Answer) -> Reply {
        let body = serde_json::to_string(answer).unwrap();
        let signed = self.key.sign(&Signed::Answer.message(&body)).unwrap();
        Reply { body, signature: signature(&signed), signer: format!("{0}{0}", self.root) }
    }
}

/// A box whose power fails after this many steps.
fn applicant(path: &Path, left: u32) -> Applicant {
    Applicant::open(path).unwrap();
    let counter = Arc::new(AtomicU32::new(left));
    let folder = |path: &Path| {
        let mut folder = Folder::at(path);
        folder.left = Arc::clone(&counter);
        folder
    };
    Applicant::of(folder(path), folder(&path.join("enrolling")))
}

#[test]
fn an_enrolment_goes_on_wherever_the_power_failed() {
    let hq = Hq::new();
    let mut failures = 0;
    for left in 0.. {
        let directory = tempfile::tempdir().unwrap();
        let (path, ticket) = (directory.path(), hq.ticket());
        let mut asked = Vec::new();
        let mut enrol = |left| {
            let applicant = applicant(path, left);
            if let Some(enrolled) = applicant.enrolled_by(&ticket)? {
                return Ok(enrolled);
            }
            let question = applicant.question(&ticket, vec![], 1)?;
            asked.push(question.clone());
            Ok(applicant.answered(&hq.answer(&question, |_| {}))?.0)
        };
        let first: Result<_, String> = enrol(left);
        let folder = Folder::at(path);
        let enrolled = match &first {
            Ok(done) => done.clone(),
            // Enrolled, and not yet tidied up: the next start does that.
            Err(_) => enrol(u32::MAX).unwrap(),
        };
        assert_eq!((enrolled.join, enrolled.config, enrolled.location.as_str()), (1, 3, "store-1"));
        assert_eq!(folder.json::<Enrolled>(ENROLLED).unwrap(), Some(enrolled));
        // HQ has answered one question, or was asked again before it answered.
        let of_one_key = asked.iter().all(|question| question.body == asked.last().unwrap().body);
        assert!(of_one_key || left < 8, "{left}");
        link::Identity::open(&folder.path("identity.pem"), &folder.path("identity.key")).unwrap();
        link::Identity::open(&folder.path("hub.pem"), &folder.path("hub.key")).unwrap();
        assert!(folder.need(CONFIG).unwrap().contains(&format!("{}/data", path.display())));
        assert_eq!(applicant(path, u32::MAX).finish().unwrap(), None, "an answer is used once");
        if first.is_ok() {
            break;
        }
        failures += 1;
    }
    assert!(failures > 20, "{failures}");
}

#[test]
fn only_hqs_answer_to_this_question_enrols() {
    let (hq, directory) = (Hq::new(), tempfile::tempdir().unwrap());
    let (ticket, applicant) = (hq.ticket(), Applicant::open(directory.path()).unwrap());
    let question = applicant.question(&ticket, vec![], 1).unwrap();
    let good = hq.answer(&question, |_| {});
    let other_hq = Hq::new().answer(&question, |_| {});
    let altered = Reply { body: good.body.replace("\"join\":1", "\"join\":7"), ..good.clone() };
    let other_question = hq.answer(&question, |answer| answer.nonce = "other".into());
    let bad_config = hq.answer(&question, |answer| answer.config.as_mut().unwrap().toml = "[store]".into());
    for (reply, why) in [
        (other_hq, "not an answer of HQ"),
        (altered, "signature"),
        (other_question, "another question"),
        (bad_config, "config"),
    ] {
        let error = applicant.answered(&reply).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    applicant.answered(&good).unwrap();
    let elsewhere = Ticket { location: "store-2".parse().unwrap(), ..hq.ticket() };
    let error = Applicant::open(directory.path()).unwrap().question(&elsewhere, vec![], 1).unwrap_err();
    assert!(error.contains("the hub of store-1"), "{error}");
    let again = applicant.question(&hq.ticket(), vec![], 1).unwrap();
    let keys = |question: &Question| read::<Enrolment>(&question.body).unwrap().identity;
    assert_ne!(keys(&again), keys(&question), "a hub that is enrolled again gets new keys");
}

fn enrolled() -> (tempfile::TempDir, Folder) {
    enrolled_at(&Hq::new())
}

fn enrolled_at(hq: &Hq) -> (tempfile::TempDir, Folder) {
    let directory = tempfile::tempdir().unwrap();
    let applicant = Applicant::open(directory.path()).unwrap();
    let question = applicant.question(&hq.ticket(), vec![], 1).unwrap();
    applicant.answered(&hq.answer(&question, |_| {})).unwrap();
    let folder = Folder::at(directory.path());
    (directory, folder)
}

#[test]
fn a_config_is_tried_three_times_and_then_taken_back() {
    let (_directory, folder) = enrolled();
    let former = folder.need(CONFIG).unwrap();
    trial::begin(&folder, (4, "new"), true).unwrap();
    assert_eq!(folder.need(CONFIG).unwrap(), former, "until the next start");
    for _ in 0..3 {
        assert!(trial::at_start(&folder).unwrap().unwrap().is_running());
        assert_eq!(folder.need(CONFIG).unwrap(), "new");
    }
    assert_eq!(trial::at_start(&folder).unwrap(), None);
    let enrolled: Enrolled = folder.json(ENROLLED).unwrap().unwrap();
    assert_eq!((folder.need(CONFIG).unwrap(), enrolled.config), (former, 3));
    let refused = enrolled.refused_config.unwrap();
    assert!(refused.version == 4 && refused.why.contains("3 starts"), "{refused:?}");

    trial::begin(&folder, (5, "newer"), true).unwrap();
    let running = trial::at_start(&folder).unwrap().unwrap();
    trial::keep(&folder, &running).unwrap();
    let enrolled: Enrolled = folder.json(ENROLLED).unwrap().unwrap();
    assert_eq!((enrolled.config, enrolled.refused_config, trial::at_start(&folder).unwrap()), (5, None, None));
}

#[test]
fn a_trial_goes_on_or_is_taken_back_wherever_the_power_failed() {
    for left in 0.. {
        let (_directory, mut folder) = enrolled();
        let former = folder.need(CONFIG).unwrap();
        trial::begin(&folder, (4, "new"), true).unwrap();
        folder.left = Arc::new(AtomicU32::new(left));
        let ended = (|| {
            let running = trial::at_start(&folder)?.ok_or("no trial")?;
            trial::take_back(&folder, &running, "test")
        })();
        folder.left = Arc::new(AtomicU32::new(u32::MAX));
        while trial::at_start(&folder).unwrap().is_some() {}
        let enrolled: Enrolled = folder.json(ENROLLED).unwrap().unwrap();
        assert_eq!((folder.need(CONFIG).unwrap(), enrolled.config), (former, 3), "{left}");
        assert_eq!(enrolled.refused_config.unwrap().version, 4);
        if ended.is_ok() {
            assert!(left > 8, "{left}");
            break;
        }
    }
}

/// HQ's answer to a check-in.
fn check_in_answered(hq: &Hq, question: &Question, order: Option<Order>) -> Reply {
    let CheckIn { location, nonce, join, .. } = read(&question.body).unwrap();
    let (join, answered_at_ms) = (join + 1, 1_800_000_000_000);
    hq.reply(&Answer { location, nonce, join, answered_at_ms, certificates: None, config: None, order })
}

#[test]
fn a_closed_location_repeats_its_last_question_until_it_is_wiped() {
    let hq = Hq::new();
    let (_directory, folder) = enrolled_at(&hq);
    let stored = || folder.json::<Enrolled>(ENROLLED).unwrap().unwrap();
    let ask = |wiped| keep::question(&folder, false, wiped).unwrap().1;
    let first = ask(false);
    let closing = Some(Order::Wipe { stock_to: None });
    let found = keep::take(&folder, &first, &check_in_answered(&hq, &first, closing), true).unwrap();
    assert_eq!((found.is_over, stored().join, stored().pending), (false, 2, None));
    let refused = ask(false);
    keep::refuse(&folder, &refused).unwrap();
    assert_eq!(stored().pending, None, "the next question may be another");

    let last = ask(true);
    let reply = check_in_answered(&hq, &last, None);
    for _ in 0..2 {
        assert!(keep::take(&folder, &last, &reply, false).unwrap().is_over);
        // The power fails before the wipe begins: HQ answers no other question any more.
        assert_eq!(ask(true), last);
        keep::refuse(&folder, &last).unwrap();
    }
}

#[test]
fn a_wipe_is_finished_wherever_the_power_failed() {
    for left in 0.. {
        let hq = Hq::new();
        let (directory, mut folder) = enrolled_at(&hq);
        let data = directory.path().join("data");
        std::fs::create_dir_all(data.join("sqlite")).unwrap();
        let secrets = ["identity.key", "store-authority.key", "hub.key"];
        folder.left = Arc::new(AtomicU32::new(left));
        let wiped = wipe::wipe_all(&folder, &data);
        folder.left = Arc::new(AtomicU32::new(u32::MAX));
        wipe::finish(&folder).unwrap();
        let is_enrolled = folder.read(ENROLLED).unwrap().is_some();
        let rest = secrets.map(|name| folder.path(name).exists());
        // Before it began nothing is lost, and the last question is asked again.
        assert_eq!((rest, data.exists()), ([is_enrolled; 3], is_enrolled), "{left}");
        assert_eq!(is_enrolled, left < 2, "{left}");
        if wiped.is_ok() {
            assert!(left > 10, "{left}");
            // The box can become the hub of another location, which the next start must not wipe.
            let other = Ticket { location: "store-2".parse().unwrap(), ..hq.ticket() };
            Applicant::open(directory.path()).unwrap().question(&other, vec![], 1).unwrap();
            wipe::finish(&folder).unwrap();
            assert!(folder.path("enrolling/question.json").exists());
            break;
        }
    }
}
