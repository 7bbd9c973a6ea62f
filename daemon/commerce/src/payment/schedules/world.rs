//! The model: a terminal with its books, a register, a network and a hub, in virtual time.

use super::*;

/// A message between hub and terminal; `u32` is the payment.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Message {
    Pay(u32),
    Reverse(u32),
    Inquire(u32),
    Taken(u32),
    Answer(u32, Answer),
    Told(u32, Finding),
    Busy(u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Approved { offline: bool },
    Declined,
    Reversed,
}

/// A line of the terminal's books.
#[derive(Clone, Debug)]
struct Booked {
    payment: u32,
    offline: bool,
    reversed: bool,
    /// Whether the hub got the answer.
    delivered: bool,
}

#[derive(Default)]
struct Terminal {
    books: Vec<Booked>,
    /// The requests that it remembers.
    taken: Vec<u32>,
    /// The payment that waits for customer and bank.
    running: Option<u32>,
    /// The link that asked for it is lost, so its answer reaches nobody.
    orphaned: bool,
    requests: Vec<u32>,
    reversals: Vec<u32>,
}

/// A payment as the hub stores it.
struct Stored {
    id: u32,
    state: PaymentState,
    /// The number of lines in the books that the hub knew before the payment, for an inquiry for the last one.
    before: usize,
    /// The last request before that the terminal took, by which it shows that it remembers, for an inquiry by id.
    anchor: Option<u32>,
    unwanted: bool,
}

pub(super) struct World {
    kind: Kind,
    now_ms: u64,
    terminal: Terminal,
    /// On the way, oldest first, with the time of arrival.
    to_terminal: Vec<(u64, Message)>,
    to_hub: Vec<(u64, Message)>,
    stored: Vec<Stored>,
    /// The payment that a task of the hub drives, and the request that it waits for.
    driven: Option<(u32, Message)>,
    next: u32,
    /// The last request that the terminal is known to have taken.
    anchor: Option<u32>,
    /// The payments that a person decided.
    decided: Vec<u32>,
}

const LATENCY_MS: u64 = 20;

impl World {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            now_ms: 0,
            terminal: Terminal::default(),
            to_terminal: Vec::new(),
            to_hub: Vec::new(),
            stored: Vec::new(),
            driven: None,
            next: 0,
            anchor: None,
            decided: Vec::new(),
        }
    }

    fn store(&mut self, id: u32, event: &Event) {
        let stored = self.stored.iter_mut().find(|stored| stored.id == id).unwrap();
        if let Some(after) = stored.state.after(event) {
            stored.state = after;
        }
    }

    fn state(&self, id: u32) -> &PaymentState {
        &self.stored.iter().find(|stored| stored.id == id).unwrap().state
    }

    /// Sends a request of the hub, whose task then waits for the answer.
    fn ask(&mut self, id: u32, message: Message) {
        self.to_terminal.push((self.now_ms + LATENCY_MS, message.clone()));
        self.driven = Some((id, message));
    }

    pub(super) fn step(&mut self, step: Step) {
        self.now_ms += 1;
        match step {
            Step::Register => self.register(),
            Step::Unwanted => {
                if let Some(last) = self.stored.last_mut() {
                    last.unwanted = true;
                }
            }
            Step::Deliver => self.deliver(),
            Step::Customer { approves, offline } => self.customer(approves, offline),
            Step::Cut => self.cut(),
            Step::Crash => {
                // The hub's side of the link is gone, too.
                self.driven = None;
                self.cut();
            }
            Step::Reboot => {
                self.terminal.running = None;
                if self.kind.forgets {
                    self.terminal.taken.clear();
                }
                self.cut();
            }
            Step::Elapse => {
                // The hub closes the link.
                self.now_ms += 180_000;
                self.cut();
            }
            Step::Sweep => self.sweep(),
        }
    }

    /// One basket at a time: its register pays it until it is charged, and repeats while the payment runs.
    fn register(&mut self) {
        let is_blocked = self.stored.iter().any(|stored| !stored.state.has_ended());
        let is_paid = self.stored.last().is_some_and(|last| last.state.is_charged() && !last.unwanted);
        if is_blocked || is_paid || self.driven.is_some() {
            return;
        }
        let id = self.next;
        self.next += 1;
        let before = self.terminal.books.len();
        self.stored.push(Stored { id, state: PaymentState::Created, before, anchor: self.anchor, unwanted: false });
        self.store(id, &Event::Send);
        self.ask(id, Message::Pay(id));
    }

    fn deliver(&mut self) {
        let oldest = |way: &[(u64, Message)]| way.first().map_or(u64::MAX, |(at_ms, _)| *at_ms);
        let (there, back) = (oldest(&self.to_terminal), oldest(&self.to_hub));
        if there == u64::MAX && back == u64::MAX {
            return;
        }
        self.now_ms = self.now_ms.max(there.min(back));
        if there <= back {
            let (_, message) = self.to_terminal.remove(0);
            self.at_terminal(message);
        } else {
            let (_, message) = self.to_hub.remove(0);
            self.at_hub(message);
        }
    }

    fn reply(&mut self, message: Message) {
        self.to_hub.push((self.now_ms + LATENCY_MS, message));
    }

    #[expect(clippy::needless_pass_by_value, reason = "a message arrives once")]
    fn at_terminal(&mut self, message: Message) {
        match message {
            Message::Pay(id) => {
                assert!(!self.terminal.requests.contains(&id), "payment {id} was sent twice");
                self.terminal.requests.push(id);
                if self.terminal.running.is_some() {
                    self.reply(Message::Busy(id));
                    return;
                }
                self.terminal.taken.push(id);
                self.terminal.running = Some(id);
                self.terminal.orphaned = false;
                self.reply(Message::Taken(id));
            }
            Message::Reverse(id) => {
                self.terminal.reversals.push(id);
                let booked = self.terminal.books.iter_mut().find(|booked| booked.payment == id);
                booked.expect("only what was charged is reversed").reversed = true;
                self.reply(Message::Answer(id, Answer::Reversed));
            }
            Message::Inquire(id) => {
                if self.terminal.running.is_some() {
                    self.reply(Message::Busy(id));
                    return;
                }
                let finding = self.finding(id);
                self.reply(Message::Told(id, finding));
            }
            _ => unreachable!("the hub sends requests only"),
        }
    }

    /// The terminal's own words about a payment.
    fn finding(&self, id: u32) -> Finding {
        let why = || String::from("the terminal's books");
        let asked = self.stored.iter().find(|stored| stored.id == id).unwrap();
        let (before, anchor) = (asked.before, asked.anchor);
        let is_reversal = matches!(asked.state, PaymentState::Unknown { was: Doubted::Reversing, .. });
        let said = |booked: &Booked| match booked {
            Booked { reversed: true, .. } => Finding::NotCharged { why: why() },
            Booked { offline, .. } => Finding::Charged { offline: *offline },
        };
        match self.kind.inquiry {
            Inquiry::ById if self.terminal.taken.contains(&id) => {
                let booked = self.terminal.books.iter().find(|booked| booked.payment == id);
                booked.map_or(Finding::NotCharged { why: why() }, said)
            }
            Inquiry::ById if anchor.is_some_and(|anchor| self.terminal.taken.contains(&anchor)) => {
                Finding::NotFound { why: why() }
            }
            Inquiry::ById => Finding::Inconclusive { why: "it may have forgotten".into() },
            // A reversal names its transaction.
            _ if is_reversal => said(self.terminal.books.iter().find(|booked| booked.payment == id).unwrap()),
            Inquiry::LastOnly if self.terminal.books.len() == before => Finding::NotCharged { why: why() },
            Inquiry::LastOnly => said(self.terminal.books.last().unwrap()),
            Inquiry::None => unreachable!("it can't be asked"),
        }
    }

    fn at_hub(&mut self, message: Message) {
        let Some((driven, request)) = self.driven.clone() else { return };
        match message {
            Message::Taken(id) if id == driven => {
                self.anchor = Some(id);
                self.store(id, &Event::Taken);
            }
            Message::Answer(id, answer) if id == driven => {
                let event = match answer {
                    Answer::Approved { offline } => Event::Approve { offline },
                    Answer::Declined => Event::Decline { code: "05".into(), why: "declined".into() },
                    Answer::Reversed => Event::Reversed,
                };
                self.store(id, &event);
                if let Some(booked) = self.terminal.books.iter_mut().find(|booked| booked.payment == id) {
                    booked.delivered = true;
                }
                self.driven = None;
            }
            Message::Told(id, finding) if id == driven => {
                self.store(id, &Event::Found(finding));
                self.driven = None;
            }
            Message::Busy(id) if id == driven => {
                if request == Message::Pay(id) {
                    self.store(id, &Event::NotSent { why: "busy".into() });
                }
                self.driven = None;
            }
            // Late: nobody waits for it any more.
            _ => {}
        }
    }

    fn customer(&mut self, approves: bool, offline: bool) {
        let Some(payment) = self.terminal.running.take() else { return };
        let orphaned = self.terminal.orphaned;
        if approves {
            let reversed = orphaned && self.kind.reverses;
            self.terminal.books.push(Booked { payment, offline, reversed, delivered: false });
        }
        if !orphaned {
            let answer = if approves { Answer::Approved { offline } } else { Answer::Declined };
            self.reply(Message::Answer(payment, answer));
        }
    }

    fn cut(&mut self) {
        self.to_terminal.clear();
        self.to_hub.clear();
        if self.kind.reverses {
            for booked in self.terminal.books.iter_mut().filter(|booked| !booked.delivered) {
                booked.reversed = true;
            }
        }
        self.terminal.orphaned = true;
        if !self.kind.goes_on {
            self.terminal.running = None;
        }
        self.give_up("the link was lost");
    }

    /// The hub's task learns that no answer comes.
    fn give_up(&mut self, why: &str) {
        let Some((id, request)) = self.driven.take() else { return };
        if !matches!(request, Message::Inquire(_)) {
            self.store(id, &Event::Doubt { why: why.into() });
        }
        // What still arrives belongs to a request that nobody waits for.
        self.to_hub.clear();
        self.to_terminal.clear();
    }

    /// What the hub's follower does.
    fn sweep(&mut self) {
        if self.driven.is_some() {
            return;
        }
        let all: Vec<u32> = self.stored.iter().map(|stored| stored.id).collect();
        for id in all {
            loop {
                match todo(self.state(id), self.kind.inquiry) {
                    Todo::Store(event) => self.store(id, &event),
                    Todo::Ask => return self.ask(id, Message::Inquire(id)),
                    Todo::Wait => break,
                }
            }
            let stored = self.stored.iter().find(|stored| stored.id == id).unwrap();
            // One open payment at a terminal, also for a reversal.
            let is_free = self.stored.iter().all(|stored| stored.state.has_ended());
            if is_free && stored.unwanted && stored.state.is_charged() {
                self.store(id, &Event::Reverse);
                return self.ask(id, Message::Reverse(id));
            }
        }
    }

    /// A person reads the books.
    fn decide(&mut self) {
        let waiting = |state: &PaymentState| matches!(state, PaymentState::Unknown { waits_for: Waits::Person, .. });
        let open: Vec<u32> =
            self.stored.iter().filter(|stored| waiting(&stored.state)).map(|stored| stored.id).collect();
        for id in open {
            let charged = self.terminal.books.iter().any(|booked| booked.payment == id && !booked.reversed);
            self.store(id, &Event::Decide { charged });
            self.decided.push(id);
        }
    }

    /// The faults are over.
    pub(super) fn finish(&mut self) {
        let is_done = |world: &Self| {
            let is_quiet = world.to_terminal.is_empty() && world.to_hub.is_empty() && world.driven.is_none();
            let waits = |stored: &Stored| !stored.state.has_ended() || stored.unwanted && stored.state.is_charged();
            is_quiet && world.terminal.running.is_none() && !world.stored.iter().any(waits)
        };
        for _ in 0..200 {
            if is_done(self) {
                break;
            }
            self.customer(true, false);
            for _ in 0..8 {
                self.deliver();
            }
            self.sweep();
            self.decide();
        }
    }

    pub(super) fn check(&self) {
        for Stored { id, state, unwanted, .. } in &self.stored {
            let booked: Vec<_> = self.terminal.books.iter().filter(|booked| booked.payment == *id).collect();
            assert!(booked.len() <= 1, "payment {id} was charged {} times", booked.len());
            let is_charged = booked.iter().any(|booked| !booked.reversed);
            assert!(state.has_ended(), "payment {id} was forgotten: {state:?}");
            assert_eq!(state.is_charged(), is_charged, "payment {id}: {state:?}");
            assert!(!(*unwanted && is_charged), "payment {id} is unwanted and charged");
            let reversals = self.terminal.reversals.iter().filter(|reversed| *reversed == id).count();
            assert!(reversals <= 1, "payment {id} was reversed {reversals} times");
        }
        let charges = self.terminal.books.iter().filter(|booked| !booked.reversed).count();
        assert!(charges <= 1, "the customer was charged {charges} times for one basket");
        // Only a terminal that can't be asked, or may have forgotten, leaves the decision to a person.
        for Stored { id, anchor, .. } in self.stored.iter().filter(|stored| self.decided.contains(&stored.id)) {
            let may_have_forgotten = self.kind.inquiry == Inquiry::ById && (self.kind.forgets || anchor.is_none());
            assert!(self.kind.inquiry == Inquiry::None || may_have_forgotten, "the terminal knew payment {id}");
        }
    }
}
