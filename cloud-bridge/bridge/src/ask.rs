//! Questions to HQ: one answer, or an immediate error.

use std::{collections::HashMap, time::Duration};

use contract::{Answer, Answered, Asked, Epoch, HubId, Question, topic};
use link::{Link, Message};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

use crate::run::{BridgeStatus, message};

/// The maximum number of questions that wait for an answer.
const WAITING: usize = 64;

/// Why HQ gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// The hub is not connected to HQ, or the connection broke.
    #[error("not connected to HQ; ask again once it is connected")]
    NotReached,
    /// Too many questions are waiting.
    #[error("too many questions wait for HQ's answer; ask again later")]
    Busy,
    /// HQ did not answer in time.
    #[error("HQ did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// HQ cannot answer, with its reason.
    #[error("HQ cannot answer: {}", .0.escape_debug())]
    Unable(String),
}

/// A question waiting to be sent.
#[derive(Debug)]
pub(crate) struct Pending {
    question: Question,
    within: Duration,
    answer: oneshot::Sender<Answer>,
}

/// A handle for asking HQ. Can be cloned; returns [`NotNow::NotReached`] after the bridge has ended.
#[derive(Clone, Debug)]
pub struct Ask {
    status: watch::Receiver<BridgeStatus>,
    ask: mpsc::Sender<Pending>,
}

/// The asking handle, and the receiver of its questions.
pub(crate) fn asking(status: watch::Receiver<BridgeStatus>) -> (Ask, mpsc::Receiver<Pending>) {
    let (ask, asked) = mpsc::channel(WAITING);
    (Ask { status, ask }, asked)
}

impl Ask {
    /// Asks HQ; fails at once if the hub is not connected.
    ///
    /// # Errors
    /// HQ gave no answer; the error says why.
    pub async fn ask(&self, question: Question, within: Duration) -> Result<Answer, NotNow> {
        if !self.status.borrow().connected {
            return Err(NotNow::NotReached);
        }
        let (answer, answered) = oneshot::channel();
        self.ask.try_send(Pending { question, within, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotNow::Busy,
            mpsc::error::TrySendError::Closed(_) => NotNow::NotReached,
        })?;
        match timeout(within, answered).await {
            Err(_) => Err(NotNow::Silent(within)),
            // The connection broke.
            Ok(Err(_)) => Err(NotNow::NotReached),
            Ok(Ok(Answer::Unable(why))) => Err(NotNow::Unable(why)),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    /// Waits for the connection to HQ, then asks.
    ///
    /// # Errors
    /// HQ gave no answer within the time limit; the error says why.
    pub async fn ask_once_reached(&self, question: Question, within: Duration) -> Result<Answer, NotNow> {
        let mut status = self.status.clone();
        let began = tokio::time::Instant::now();
        let reached = timeout(within, status.wait_for(|status| status.connected)).await;
        reached.map_err(|_| NotNow::NotReached)?.map_err(|_| NotNow::NotReached)?;
        self.ask(question, within.saturating_sub(began.elapsed())).await
    }
}

/// The unanswered questions of a connection, by correlation data.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    last: u64,
    answers: HashMap<u64, oneshot::Sender<Answer>>,
}

impl Waiting {
    /// Sends a question. If that is impossible, the asker gets an error at once.
    pub(crate) fn send(&mut self, link: &Link, hub: &HubId, epoch: Epoch, pending: Pending) {
        // Remove questions whose askers gave up.
        self.answers.retain(|_, answer| !answer.is_closed());
        let Pending { question, within, answer } = pending;
        if self.answers.len() >= WAITING {
            return;
        }
        let asked = Asked { hub: hub.clone(), epoch, question };
        let Ok(message) = message(topic::question(hub), &asked) else { return };
        self.last += 1;
        let message = Message {
            response_topic: Some(topic::answer(hub)),
            correlation: Some(self.last.to_be_bytes().to_vec()),
            expires: Some(within),
            ..message
        };
        if link.publish(message).is_ok() {
            self.answers.insert(self.last, answer);
        }
    }

    /// Passes an answer to its asker; false if nobody waits for it.
    pub(crate) fn take(&mut self, correlation: Option<&[u8]>, answered: Answered) -> bool {
        let number = correlation.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        let asker = number.and_then(|number| self.answers.remove(&number));
        // The asker may have given up.
        asker.is_some_and(|asker| asker.send(answered.answer).is_ok())
    }

    /// Ends all unanswered questions with the connection.
    pub(crate) fn disconnected(&mut self) {
        self.answers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_connection_asking_fails_at_once_and_a_silent_hq_times_out() {
        let (tell, status) = watch::channel(BridgeStatus::default());
        let (ask, mut asked) = asking(status);
        let within = Duration::from_millis(20);
        assert_eq!(ask.ask(Question::Numbers, within).await, Err(NotNow::NotReached));
        assert!(asked.try_recv().is_err(), "nothing is queued for later");
        assert_eq!(ask.ask_once_reached(Question::Numbers, within).await, Err(NotNow::NotReached));
        tell.send_modify(|status| status.connected = true);
        assert_eq!(ask.ask(Question::Numbers, within).await, Err(NotNow::Silent(within)));
        drop(asked);
        assert_eq!(ask.ask(Question::Numbers, within).await, Err(NotNow::NotReached));
    }

    #[tokio::test]
    async fn an_answer_reaches_its_asker_and_a_broken_connection_is_reported() {
        let (tell, status) = watch::channel(BridgeStatus::default());
        tell.send_modify(|status| status.connected = true);
        let (ask, mut asked) = asking(status);
        let within = Duration::from_secs(20);
        let waits = |ask: &Ask| {
            let ask = ask.clone();
            tokio::spawn(async move { ask.ask(Question::Numbers, within).await })
        };
        let mut waiting = Waiting::default();
        let [first, second] = [waits(&ask), waits(&ask)];
        for number in [1, 2] {
            waiting.answers.insert(number, asked.recv().await.unwrap().answer);
        }
        let answer = |why: &str| Answered { hub: "store-1".parse().unwrap(), answer: Answer::Unable(why.into()) };
        assert!(!waiting.take(Some(&7_u64.to_be_bytes()), answer("of another")));
        assert!(!waiting.take(Some(b"short"), answer("of another")));
        assert!(!waiting.take(None, answer("of another")));
        assert!(waiting.take(Some(&1_u64.to_be_bytes()), answer("the books are closed")));
        assert!(!waiting.take(Some(&1_u64.to_be_bytes()), answer("again")), "once");
        waiting.disconnected();
        let ended = [first.await.unwrap(), second.await.unwrap()];
        assert!(ended.contains(&Err(NotNow::Unable("the books are closed".into()))), "{ended:?}");
        assert!(ended.contains(&Err(NotNow::NotReached)), "{ended:?}");
    }
}
