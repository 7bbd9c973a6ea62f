//! Publications on the way: announcements to the hub, and what the hub says of publications to HQ.
//!
//! What is said is said whole: at every connection, and whenever it changes. So it does not matter what was lost before.

use std::sync::Arc;

use contract::{
    publication::{PublicationState, PublicationStates},
    topic,
};
use link::{Link, Unpublished};
use tokio::sync::watch;

use crate::{inbox::Inbox, outbox::Outbox, run::message};

/// What is to be said of publications.
pub(crate) struct Saying {
    states: Option<watch::Receiver<Vec<PublicationState>>>,
    is_said: bool,
}

impl Saying {
    pub(crate) fn of(inbox: &dyn Inbox) -> Self {
        Self { states: inbox.publications(), is_said: false }
    }

    /// Until there is something new to be said.
    pub(crate) async fn changed(&mut self) {
        if let Some(states) = &mut self.states
            && states.changed().await.is_ok()
        {
            self.is_said = false;
            return;
        }
        std::future::pending::<()>().await;
    }

    /// On a new connection everything is said again.
    pub(crate) fn again(&mut self) {
        self.is_said = false;
    }

    /// Says how publications are, unless that is said.
    pub(crate) fn say(&mut self, link: &Link, outbox: &Arc<dyn Outbox>) -> Result<(), Unpublished> {
        let Some(states) = self.states.as_mut().filter(|_| !self.is_said) else { return Ok(()) };
        let publications = states.borrow_and_update().clone();
        let hub = outbox.hub();
        let states = PublicationStates { hub: hub.clone(), epoch: outbox.epoch(), publications };
        if let Ok(message) = message(topic::publications(&hub), &states)
            && !states.publications.is_empty()
        {
            match link.publish(message) {
                // It is said when there is room.
                Err(Unpublished::NoRoom) => return Ok(()),
                published => published?,
            }
        }
        self.is_said = true;
        Ok(())
    }
}
