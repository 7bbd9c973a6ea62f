//! A simulated card terminal of any protocol: its config, its faults under the names that a person types, and its
//! books.

use std::{fmt, fs, io, net::SocketAddr, path::Path, str::FromStr, time::Duration};

use super::{
    BookedState, Ecr17Point, NexoPoint, Point, SimulatedCaisseApTerminal, SimulatedEcr17Terminal,
    SimulatedNexoTerminal, SimulatedTerminal,
};

/// The protocol of a simulated card terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalProtocol {
    /// ZVT over TCP.
    Zvt,
    /// nexo Retailer over HTTPS.
    Nexo,
    /// ECR17 over TCP.
    Ecr17,
    /// Caisse-AP over TCP.
    CaisseAp,
}

impl TerminalProtocol {
    /// All protocols.
    pub const ALL: [Self; 4] = [Self::Zvt, Self::Nexo, Self::Ecr17, Self::CaisseAp];

    /// The name in a config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zvt => "zvt",
            Self::Nexo => "nexo",
            Self::Ecr17 => "ecr17",
            Self::CaisseAp => "caisse-ap",
        }
    }
}

impl FromStr for TerminalProtocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|protocol| protocol.name() == text);
        found.ok_or_else(|| format!("unknown protocol `{}`; expected one of: {}", text.escape_debug(), names()))
    }
}

/// What goes wrong at a card terminal. A fault of one payment strikes the next one; the others last until
/// [`TerminalFault::None`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalFault {
    /// Nothing goes wrong any more.
    None,
    /// The bank declines the next payment.
    Decline,
    /// The customer enters a wrong PIN at the next payment.
    WrongPin,
    /// The customer removes the card during the next payment.
    CardRemoved,
    /// The bank approves only half of the next payment.
    Partial,
    /// The terminal approves without its bank.
    Offline,
    /// The bank takes five seconds.
    Slow,
    /// The link is cut while the customer pays; the terminal goes on.
    CutBeforeApproval,
    /// The link is cut when the payment is booked; no result is sent.
    CutAfterApproval,
    /// The link is cut once the result of the next payment was sent.
    CutAfterResult,
    /// The terminal restarts during the next payment, and forgets it.
    Reboot,
    /// Results are sent twice, or again for a later payment.
    RepeatResult,
    /// Another till uses the terminal.
    Busy,
    /// The terminal does not answer.
    Mute,
    /// The terminal sends whole card numbers wherever it can.
    FullPan,
}

impl TerminalFault {
    /// All faults.
    pub const ALL: [Self; 15] = [
        Self::None,
        Self::Decline,
        Self::WrongPin,
        Self::CardRemoved,
        Self::Partial,
        Self::Offline,
        Self::Slow,
        Self::CutBeforeApproval,
        Self::CutAfterApproval,
        Self::CutAfterResult,
        Self::Reboot,
        Self::RepeatResult,
        Self::Busy,
        Self::Mute,
        Self::FullPan,
    ];

    /// The name that a person types.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Decline => "decline",
            Self::WrongPin => "wrong-pin",
            Self::CardRemoved => "card-removed",
            Self::Partial => "partial",
            Self::Offline => "offline",
            Self::Slow => "slow",
            Self::CutBeforeApproval => "cut-before-approval",
            Self::CutAfterApproval => "cut-after-approval",
            Self::CutAfterResult => "cut-after-result",
            Self::Reboot => "reboot",
            Self::RepeatResult => "repeat-result",
            Self::Busy => "busy",
            Self::Mute => "mute",
            Self::FullPan => "full-pan",
        }
    }
}

impl fmt::Display for TerminalFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TerminalFault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|fault| fault.name() == text);
        found.ok_or_else(|| format!("unknown fault `{}`; expected one of: {}", text.escape_debug(), names()))
    }
}

/// How long a slow bank takes.
const SLOW: Duration = Duration::from_secs(5);

/// For how many inquiries a terminal is busy with a payment whose link was cut, or with another till.
const BUSY: u32 = 3;

/// A simulated card terminal of any protocol.
pub enum SimulatedCardTerminal {
    /// ZVT.
    Zvt(SimulatedTerminal),
    /// nexo.
    Nexo(SimulatedNexoTerminal),
    /// ECR17.
    Ecr17(SimulatedEcr17Terminal),
    /// Caisse-AP.
    CaisseAp(SimulatedCaisseApTerminal),
}

impl SimulatedCardTerminal {
    /// Starts a terminal, on a free port if the port is 0.
    ///
    /// # Errors
    /// The port is taken, or no certificate can be made.
    pub async fn bind(protocol: TerminalProtocol, address: SocketAddr) -> io::Result<Self> {
        Ok(match protocol {
            TerminalProtocol::Zvt => Self::Zvt(SimulatedTerminal::bind(address).await?),
            TerminalProtocol::Nexo => Self::Nexo(SimulatedNexoTerminal::bind(address).await?),
            TerminalProtocol::Ecr17 => Self::Ecr17(SimulatedEcr17Terminal::bind(address).await?),
            TerminalProtocol::CaisseAp => Self::CaisseAp(SimulatedCaisseApTerminal::bind(address).await?),
        })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Zvt(terminal) => terminal.address(),
            Self::Nexo(terminal) => terminal.address(),
            Self::Ecr17(terminal) => terminal.address(),
            Self::CaisseAp(terminal) => terminal.address(),
        }
    }

    /// Its table in a hub's config. The files that it names are written into a directory.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn config(&self, name: &str, files: &Path) -> io::Result<String> {
        let table = |protocol: TerminalProtocol, settings: &str| {
            format!(
                "[[payment_terminal]]\nname = \"{name}\"\nprotocol = \"{}\"\naddress = \"tcp://{}\"\n{settings}",
                protocol.name(),
                self.address()
            )
        };
        Ok(match self {
            Self::Zvt(_) => table(TerminalProtocol::Zvt, ""),
            Self::Ecr17(_) => table(TerminalProtocol::Ecr17, "terminal_id = \"12345678\"\n"),
            Self::CaisseAp(_) => table(TerminalProtocol::CaisseAp, ""),
            Self::Nexo(terminal) => {
                let (authority, secret) =
                    (files.join(format!("{name}-ca.pem")), files.join(format!("{name}-passphrase")));
                fs::write(&authority, terminal.authority())?;
                fs::write(&secret, SimulatedNexoTerminal::PASSPHRASE)?;
                let settings = format!(
                    "poi_id = \"{}\"\nca_file = \"{}\"\npassphrase_file = \"{}\"\nkey_identifier = \"hub\"\n\
                     key_version = 1\n",
                    SimulatedNexoTerminal::POI_ID,
                    authority.display(),
                    secret.display()
                );
                table(TerminalProtocol::Nexo, &settings)
            }
        })
    }

    /// The books: minor units and the state of each transaction.
    pub fn books(&self) -> Vec<(u64, BookedState)> {
        match self {
            Self::Zvt(terminal) => terminal.journal().iter().map(|booked| (booked.minor, booked.state)).collect(),
            Self::Nexo(terminal) => terminal.books().iter().map(|booked| (booked.minor, booked.state)).collect(),
            Self::Ecr17(terminal) => terminal.books(),
            Self::CaisseAp(terminal) => terminal.books(),
        }
    }

    /// Lets something go wrong.
    ///
    /// # Errors
    /// A terminal of this protocol can't have the fault, or its simulation does not.
    pub fn fault(&self, fault: TerminalFault) -> Result<(), String> {
        let is_known = match self {
            Self::Zvt(terminal) => zvt(terminal, fault),
            Self::Nexo(terminal) => nexo(terminal, fault),
            Self::Ecr17(terminal) => ecr17(terminal, fault),
            Self::CaisseAp(terminal) => caisse_ap(terminal, fault),
        };
        if is_known { Ok(()) } else { Err(format!("a simulated terminal of this protocol has no fault `{fault}`")) }
    }
}

fn zvt(terminal: &SimulatedTerminal, fault: TerminalFault) -> bool {
    match fault {
        TerminalFault::None => {
            terminal.decline_next(None);
            terminal.drop_link_at(None);
            terminal.carry_on(None);
            terminal.busy(0);
            terminal.think(Duration::ZERO);
            terminal.mute(false);
            terminal.repeat_result(false);
            terminal.offline(false);
            terminal.full_pan(false);
        }
        TerminalFault::Decline => terminal.decline_next(Some(0x05)),
        TerminalFault::WrongPin => terminal.decline_next(Some(0x55)),
        TerminalFault::CardRemoved => terminal.decline_next(Some(0x6c)),
        TerminalFault::Partial => return false,
        TerminalFault::Offline => terminal.offline(true),
        TerminalFault::Slow => terminal.think(SLOW),
        TerminalFault::CutBeforeApproval => {
            terminal.carry_on(Some(BUSY));
            terminal.drop_link_at(Some(Point::StatusAcknowledged));
        }
        TerminalFault::CutAfterApproval => terminal.drop_link_at(Some(Point::Booked)),
        TerminalFault::CutAfterResult => terminal.drop_link_at(Some(Point::ResultSent)),
        TerminalFault::Reboot => {
            terminal.carry_on(None);
            terminal.drop_link_at(Some(Point::StatusAcknowledged));
        }
        TerminalFault::RepeatResult => terminal.repeat_result(true),
        TerminalFault::Busy => terminal.busy(BUSY),
        TerminalFault::Mute => terminal.mute(true),
        TerminalFault::FullPan => terminal.full_pan(true),
    }
    true
}

fn nexo(terminal: &SimulatedNexoTerminal, fault: TerminalFault) -> bool {
    terminal.script(|script| match fault {
        TerminalFault::None => *script = super::NexoScript::default(),
        TerminalFault::Decline => script.decline = Some("Refusal".into()),
        TerminalFault::WrongPin => script.decline = Some("WrongPIN".into()),
        TerminalFault::CardRemoved => script.decline = Some("Cancel".into()),
        TerminalFault::Partial => script.approves_half = true,
        TerminalFault::Offline => script.offline = true,
        TerminalFault::Slow => script.think = SLOW,
        TerminalFault::CutBeforeApproval => {
            script.in_progress_for = BUSY;
            script.cut_at = Some(NexoPoint::Taken);
        }
        TerminalFault::CutAfterApproval => script.cut_at = Some(NexoPoint::Booked),
        TerminalFault::CutAfterResult => script.cut_at = Some(NexoPoint::Answered),
        TerminalFault::Reboot => script.reboot_next = true,
        TerminalFault::RepeatResult => script.repeat_earlier = true,
        TerminalFault::Busy => script.busy = true,
        TerminalFault::Mute => script.mute = true,
        TerminalFault::FullPan => script.full_pan = true,
    });
    true
}

fn ecr17(terminal: &SimulatedEcr17Terminal, fault: TerminalFault) -> bool {
    match fault {
        TerminalFault::Decline => terminal.decline_next(),
        TerminalFault::CutBeforeApproval | TerminalFault::Reboot => terminal.cut_at(Ecr17Point::Acknowledged),
        TerminalFault::CutAfterApproval => terminal.cut_at(Ecr17Point::Booked),
        TerminalFault::CutAfterResult => terminal.cut_at(Ecr17Point::Answered),
        TerminalFault::RepeatResult => terminal.spoil_next(1),
        // It always does.
        TerminalFault::FullPan => {}
        _ => return false,
    }
    true
}

fn caisse_ap(terminal: &SimulatedCaisseApTerminal, fault: TerminalFault) -> bool {
    match fault {
        TerminalFault::Decline => terminal.decline_next("04"),
        TerminalFault::CardRemoved => terminal.decline_next("06"),
        TerminalFault::CutAfterApproval => terminal.lose_answer(),
        // It always does.
        TerminalFault::FullPan => {}
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_and_protocols_are_read_by_their_names() {
        for fault in TerminalFault::ALL {
            assert_eq!(fault.name().parse(), Ok(fault));
        }
        for protocol in TerminalProtocol::ALL {
            assert_eq!(protocol.name().parse(), Ok(protocol));
        }
        let error = "explode".parse::<TerminalFault>().unwrap_err();
        assert!(error.starts_with("unknown fault `explode`; expected one of: none, decline, "), "{error}");
    }

    #[tokio::test]
    async fn every_terminal_knows_how_to_decline() {
        for protocol in TerminalProtocol::ALL {
            let terminal = SimulatedCardTerminal::bind(protocol, "127.0.0.1:0".parse().unwrap()).await.unwrap();
            assert_eq!(terminal.fault(TerminalFault::Decline), Ok(()));
            let files = tempfile::tempdir().unwrap();
            let config: toml::Table = terminal.config("terminal-1", files.path()).unwrap().parse().unwrap();
            assert_eq!(config["payment_terminal"][0]["protocol"].as_str(), Some(protocol.name()));
        }
    }
}
