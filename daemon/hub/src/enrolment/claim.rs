//! How a box becomes a hub: its keys, the question, the answer, its files.
//!
//! ```text
//! nothing --keys, question.json--> asked --answer.json--> answered --files, enrolled.json--> enrolled
//! ```
//!
//! Until the answer is stored, everything is in the directory `enrolling`, so a hub that is enrolled again goes on with
//! its former identity meanwhile. Each step can be repeated: a box that loses power begins where it was, with the same
//! keys and the same question, and HQ answers the same question the same way.

use std::path::Path;

use contract::{
    Digest, HubId,
    enrolment::{self, Answer, Enrolment, Question, Reply, Signed, Ticket},
};
use serde::{Deserialize, Serialize};

use super::{folder::Folder, keys};
use crate::config::{self, Config};

/// What a hub knows of its enrolment: `enrolled.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Enrolled {
    /// The location.
    pub(crate) location: HubId,
    /// The enrolment service.
    pub(crate) service: String,
    /// The SHA-256 of HQ's root certificate.
    pub(crate) root: Digest,
    /// The SHA-256 of the key of the claim that enrolled it.
    pub(crate) claim: Digest,
    /// The names in the hub's certificate for the LAN.
    pub(crate) names: Vec<String>,
    /// The join number for the next check-in.
    pub(crate) join: u64,
    /// When the certificates came: milliseconds since 1970, UTC, by HQ's clock.
    pub(crate) certified_at_ms: i64,
    /// The version of the config.
    pub(crate) config: u64,
    /// A config that was tried and taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused_config: Option<enrolment::RefusedConfig>,
    /// The check-in that has no answer yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<Question>,
}

/// The file that says that a box is enrolled.
pub(super) const ENROLLED: &str = "enrolled.json";

/// The keys.
const KEYS: [&str; 3] = ["identity.key", "store-authority.key", "hub.key"];

/// The hub's config.
pub(super) const CONFIG: &str = config::ENROLLED;

/// A question without an answer, and for whom it is.
#[derive(Serialize, Deserialize)]
struct Asked {
    location: HubId,
    service: String,
    root: Digest,
    claim: Digest,
    nonce: String,
    question: Question,
}

/// The box.
pub(crate) struct Applicant {
    state: Folder,
    work: Folder,
}

impl Applicant {
    /// A box with this state directory.
    ///
    /// # Errors
    /// The directory can't be used.
    pub(crate) fn open(state: &Path) -> Result<Self, String> {
        Ok(Self { state: Folder::open(state)?, work: Folder::open(&state.join("enrolling"))? })
    }

    #[cfg(test)]
    pub(super) fn of(state: Folder, work: Folder) -> Self {
        Self { state, work }
    }

    /// The enrolment, if this ticket made it.
    ///
    /// # Errors
    /// A file can't be read or written.
    pub(crate) fn enrolled_by(&self, ticket: &Ticket) -> Result<Option<Enrolled>, String> {
        self.finish()?;
        let enrolled = self.state.json::<Enrolled>(ENROLLED)?;
        Ok(enrolled.filter(|enrolled| enrolled.claim == Digest::of(&ticket.code.key(&ticket.location).0)))
    }

    /// The question for a ticket: the same one as before, if it was interrupted.
    ///
    /// # Errors
    /// A file can't be written, or the box is the hub of another location.
    pub(crate) fn question(&self, ticket: &Ticket, devices: Vec<String>, now_ms: i64) -> Result<Question, String> {
        if let Some(Enrolled { location, .. }) = self.state.json(ENROLLED)?
            && location != ticket.location
        {
            return Err(format!(
                "this box is the hub of {location}, not of {}: close that location first, or remove {}",
                ticket.location,
                self.state.path("").display()
            ));
        }
        let key = ticket.code.key(&ticket.location);
        if let Ok(Some(asked)) = self.work.json::<Asked>("question.json")
            && asked.location == ticket.location
            && key.is_proven(&asked.question.body, &asked.question.proof)
        {
            return Ok(asked.question);
        }
        // An answer to an earlier question is of no use to this one.
        self.work.remove("answer.json")?;
        if self.work.read("question.json")?.is_none() {
            // Left behind by a finished enrolment: this one needs keys of its own.
            for name in KEYS {
                self.work.remove(name)?;
            }
        }
        let request = |name: &str| keys::request(&keys::key(&self.work, name)?, &ticket.location);
        keys::key(&self.work, "hub.key")?;
        let asked = Enrolment {
            location: ticket.location.clone(),
            nonce: keys::random()?,
            identity: request("identity.key")?,
            store_authority: request("store-authority.key")?,
            sent_at_ms: now_ms,
            software: concat!("store-hub ", env!("CARGO_PKG_VERSION")).to_owned(),
            devices,
        };
        let body = serde_json::to_string(&asked).map_err(|error| error.to_string())?;
        let question = Question { proof: key.prove(&body), body };
        let (location, service, root) = (ticket.location.clone(), ticket.service.clone(), ticket.root);
        let claim = Digest::of(&key.0);
        let stored = Asked { location, service, root, claim, nonce: asked.nonce, question: question.clone() };
        self.work.write_json("question.json", &stored)?;
        Ok(question)
    }

    /// Stores HQ's answer, checks it, and becomes the hub.
    ///
    /// # Errors
    /// The answer is not HQ's, or not to this question; or a file can't be written.
    pub(crate) fn answered(&self, reply: &Reply) -> Result<(Enrolled, i64), String> {
        let asked: Asked = self.work.json("question.json")?.ok_or("there is no question: run `store-hub enroll`")?;
        opened(reply, asked.root, &asked.nonce)?;
        self.work.write_json("answer.json", reply)?;
        self.finish()?.ok_or_else(|| "the answer is gone".to_owned())
    }

    /// Goes on with a stored answer, if there is one. Returns the enrolment, and HQ's time.
    ///
    /// # Errors
    /// A file can't be read or written, or HQ's config is not one of this hub.
    pub(crate) fn finish(&self) -> Result<Option<(Enrolled, i64)>, String> {
        let (Some(asked), Some(reply)) = (self.work.json::<Asked>("question.json")?, self.work.json("answer.json")?)
        else {
            return Ok(None);
        };
        let (answer, root) = opened(&reply, asked.root, &asked.nonce)?;
        let certificates = answer.certificates.ok_or("HQ's answer has no certificates")?;
        let config = answer.config.ok_or("HQ's answer has no config")?;
        let toml = substituted(&config.toml, &self.state);
        Config::parse(&toml)
            .map_err(|why| format!("HQ's config of {} is wrong:\n- {}", asked.location, why.join("\n- ")))?;
        for name in KEYS {
            self.state.write(name, &self.work.need(name)?)?;
        }
        let [authority_key, hub_key] = ["store-authority.key", "hub.key"].map(|name| keys::key(&self.state, name));
        let at_ms = answer.answered_at_ms;
        let lan =
            keys::for_the_lan(&certificates.store_authority, &authority_key?, &hub_key?, &certificates.names, at_ms)?;
        self.state.write("hq-root.pem", &root)?;
        self.state.write("identity.pem", &certificates.identity)?;
        self.state.write("store-authority.pem", &certificates.store_authority)?;
        self.state.write("hub.pem", &lan)?;
        self.state.write(CONFIG, &toml)?;
        let enrolled = Enrolled {
            location: asked.location,
            service: asked.service,
            root: asked.root,
            claim: asked.claim,
            names: certificates.names,
            join: answer.join,
            certified_at_ms: at_ms,
            config: config.version,
            refused_config: None,
            pending: None,
        };
        self.state.write_json(ENROLLED, &enrolled)?;
        // From here on the answer must not be used again: it would set the join number back.
        for name in ["answer.json", "question.json"].into_iter().chain(KEYS) {
            self.work.remove(name)?;
        }
        Ok(Some((enrolled, at_ms)))
    }
}

/// HQ's config for this hub.
pub(super) fn substituted(toml: &str, state: &Folder) -> String {
    let path = state.path("").display().to_string();
    toml.replace("${STATE}", path.trim_end_matches('/'))
}

/// Checks who signed an answer, and to which question it is. Returns it, and HQ's root certificate, PEM.
pub(super) fn opened(reply: &Reply, root: Digest, nonce: &str) -> Result<(Answer, String), String> {
    let signer =
        link::pinned::signer(&reply.signer, root.0).map_err(|error| format!("not an answer of HQ: {error}"))?;
    if !Signed::Answer.is_by(&signer.public_key, &reply.body, &reply.signature) {
        return Err("not an answer of HQ: its signature is wrong".into());
    }
    let answer: Answer = enrolment::read(&reply.body).map_err(|why| format!("HQ's answer is unreadable: {why}"))?;
    if answer.nonce != nonce {
        return Err("HQ answered another question".into());
    }
    Ok((answer, signer.root_pem))
}
