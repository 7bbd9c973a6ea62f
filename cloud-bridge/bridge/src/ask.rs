//! Asking HQ: one answer, or a clear "not now".

use std::{collections::HashMap, time::Duration};

use contract::{Answer, Answered, Asked, Epoch, HubId, Question, topic};
use link::{Link, Message};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

use crate::run::{BridgeStatus, message};

/// Questions that may wait for an answer; more are not asked.
const WAITING: usize = 64;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// There is no line to HQ, or it broke.
    #[error("HQ is not reached; ask again when it is")]
    NotReached,
    /// More questions wait than are asked at once.
    #[error("{WAITING} questions wait for HQ's answer; ask again later")]
    Busy,
    /// HQ was asked, and was silent.
    #[error("HQ did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// HQ answered that it cannot.
    #[error("HQ cannot answer: {}", .0.escape_debug())]
    Unable(String),
}

/// A question that waits to be sent.
#[derive(Debug)]
pub(crate) struct Pending {
    question: Question,
    within: Duration,
    answer: oneshot::Sender<Answer>,
}

/// Whom to ask. Can be cloned; goes on to say [`NotNow::NotReached`] once the bridge has ended.
#[derive(Clone, Debug)]
pub struct Ask {
    status: watch::Receiver<BridgeStatus>,
    ask: mpsc::Sender<Pending>,
}

/// The asking end, and what is asked.
pub(crate) fn asking(status: watch::Receiver<BridgeStatus>) -> (Ask, mpsc::Receiver<Pending>) {
    let (ask, asked) = mpsc::channel(WAITING);
    (Ask { status, ask }, asked)
}

impl Ask {
    /// Asks HQ. Without a line to HQ it says so at once.
    ///
    /// # Errors
    /// There is no answer, for the reason that is given.
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
            // Dropped with the connection.
            Ok(Err(_)) => Err(NotNow::NotReached),
            Ok(Ok(Answer::Unable(why))) => Err(NotNow::Unable(why)),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    /// Waits until HQ is reached, and asks.
    ///
    /// # Errors
    /// There is no answer within that time, for the reason that is given.
    pub async fn ask_once_reached(&self, question: Question, within: Duration) -> Result<Answer, NotNow> {
        let mut status = self.status.clone();
        let began = tokio::time::Instant::now();
        let reached = timeout(within, status.wait_for(|status| status.connected)).await;
        reached.map_err(|_| NotNow::NotReached)?.map_err(|_| NotNow::NotReached)?;
        self.ask(question, within.saturating_sub(began.elapsed())).await
    }
}

/// Questions of one connection that wait for their answer, by the data that the answer repeats.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    last: u64,
    answers: HashMap<u64, oneshot::Sender<Answer>>,
}

impl Waiting {
    /// Sends a question. If that is not possible now, whoever asked hears it at once.
    pub(crate) fn send(&mut self, link: &Link, hub: &HubId, epoch: Epoch, pending: Pending) {
        // Of those who gave up.
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

    /// Takes an answer; false if nobody asked.
    pub(crate) fn take(&mut self, correlation: Option<&[u8]>, answered: Answered) -> bool {
        let number = correlation.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        let asker = number.and_then(|number| self.answers.remove(&number));
        // Who asked may have given up meanwhile.
        asker.is_some_and(|asker| asker.send(answered.answer).is_ok())
    }

    /// The connection ended: nobody waits for an answer that cannot come.
    pub(crate) fn disconnected(&mut self) {
        self.answers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_line_the_answer_is_no_at_once_and_with_a_silent_hq_in_time() {
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
    async fn an_answer_reaches_who_asked_and_a_broken_line_says_so() {
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
