//! Publications: announcements to the hub, and the hub's publication states to HQ.
//!
//! The states are always sent complete, on every connection and every change, so a lost message does not matter. The
//! broker retains the last ones for HQ, which may be away.

use std::sync::Arc;

use contract::{publication::PublicationStates, topic};
use link::{Link, Message, Unpublished};
use tokio::sync::watch;

use crate::{
    inbox::{Inbox, PublicationsNow},
    outbox::Outbox,
    run::message,
};

/// The publication states to send.
pub(crate) struct Saying {
    states: Option<watch::Receiver<PublicationsNow>>,
    is_said: bool,
}

impl Saying {
    pub(crate) fn of(inbox: &dyn Inbox) -> Self {
        Self { states: inbox.publications(), is_said: false }
    }

    /// Waits for a change.
    pub(crate) async fn changed(&mut self) {
        if let Some(states) = &mut self.states
            && states.changed().await.is_ok()
        {
            self.is_said = false;
            return;
        }
        std::future::pending::<()>().await;
    }

    /// Sends the states again on a new connection.
    pub(crate) fn again(&mut self) {
        self.is_said = false;
    }

    /// Sends the states unless they are already sent.
    pub(crate) fn say(&mut self, link: &Link, outbox: &Arc<dyn Outbox>) -> Result<(), Unpublished> {
        let Some(states) = self.states.as_mut().filter(|_| !self.is_said) else { return Ok(()) };
        let PublicationsNow { revision, states: publications } = states.borrow_and_update().clone();
        let hub = outbox.hub();
        let states = PublicationStates { hub: hub.clone(), epoch: outbox.epoch(), revision, publications };
        if let Ok(message) = message(topic::publications(&hub), &states)
            && !states.publications.is_empty()
        {
            match link.publish(Message { retain: true, ..message }) {
                // Sent when there is room.
                Err(Unpublished::NoRoom) => return Ok(()),
                published => published?,
            }
        }
        self.is_said = true;
        Ok(())
    }
}
