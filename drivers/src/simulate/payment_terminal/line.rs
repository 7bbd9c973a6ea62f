//! The framing of a serial line, written independently of the driver's: bytes are framed and checked one by one.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::{State, lock};
use crate::simulate::Pty;

/// The frames of the line, without framing.
pub(super) fn unframed(pty: Pty, state: &Arc<Mutex<State>>) -> DuplexStream {
    let (near, far) = duplex(4096);
    let state = Arc::clone(state);
    tokio::spawn(async move {
        let _ = carry(pty, far, &state).await;
    });
    near
}

/// CRC-16 by the table-free definition: polynomial x^16 + x^12 + x^5 + 1, bits reflected.
fn check(bytes: &[u8]) -> [u8; 2] {
    let mut register = 0_u16;
    for byte in bytes {
        for bit in 0..8 {
            let carry = (register ^ (u16::from(*byte) >> bit)) & 1;
            register >>= 1;
            if carry != 0 {
                register ^= 0b1000_0100_0000_1000;
            }
        }
    }
    register.to_le_bytes()
}

/// Whether the next frame is spoiled.
fn spoils(state: &Mutex<State>, count: &mut u32) -> bool {
    *count += 1;
    let mut state = lock(state);
    let spoils = state.spoil_every.is_some_and(|every| (*count).is_multiple_of(every));
    state.spoiled += u32::from(spoils);
    spoils
}

async fn carry(pty: Pty, mut session: DuplexStream, state: &Mutex<State>) -> std::io::Result<()> {
    let (mut line, mut said) = (Vec::new(), Vec::new());
    let mut count = 0;
    loop {
        let (mut from_line, mut from_session) = ([0; 512], [0; 512]);
        tokio::select! {
            read = pty.read(&mut from_line) => {
                let length = read?;
                line.extend_from_slice(&from_line[..length]);
                while let Some(frame) = next(&mut line) {
                    let Some(apdu) = frame else { continue };
                    if spoils(state, &mut count) {
                        pty.write_all(&[0x15]).await?;
                        continue;
                    }
                    pty.write_all(&[0x06]).await?;
                    session.write_all(&apdu).await?;
                }
            }
            read = session.read(&mut from_session) => {
                let length = read?;
                if length == 0 {
                    return Ok(());
                }
                said.extend_from_slice(&from_session[..length]);
                while let Some(apdu) = whole(&mut said) {
                    let mut frame = vec![0x10, 0x02];
                    let copies = |byte: u8| if byte == 0x10 { 2 } else { 1 };
                    frame.extend(apdu.iter().flat_map(|byte| std::iter::repeat_n(*byte, copies(*byte))));
                    frame.extend([0x10, 0x03]);
                    frame.extend(check(&[&apdu[..], &[0x03]].concat()));
                    if spoils(state, &mut count) {
                        let mut spoiled = frame.clone();
                        *spoiled.last_mut().unwrap_or(&mut 0) ^= 0xff;
                        pty.write_all(&spoiled).await?;
                    }
                    pty.write_all(&frame).await?;
                }
            }
        }
    }
}

/// The next frame of the line: `Some(None)` for an acknowledgement, which is not checked, or a byte outside a frame.
#[allow(clippy::option_option)]
fn next(line: &mut Vec<u8>) -> Option<Option<Vec<u8>>> {
    match *line.as_slice() {
        [0x10, 0x02, ref rest @ ..] => {
            let (mut apdu, mut at) = (Vec::new(), 0);
            loop {
                match rest.get(at..)? {
                    [0x10, 0x10, ..] => {
                        apdu.push(0x10);
                        at += 2;
                    }
                    [0x10, 0x03, low, high, ..] => {
                        let is_good = check(&[&apdu[..], &[0x03]].concat()) == [*low, *high];
                        line.drain(..2 + at + 4);
                        return Some(is_good.then_some(apdu));
                    }
                    [0x10] | [0x10, 0x03, ..] | [] => return None,
                    [byte, ..] => {
                        apdu.push(*byte);
                        at += 1;
                    }
                }
            }
        }
        [0x10] | [] => None,
        _ => {
            line.remove(0);
            Some(None)
        }
    }
}

/// The next frame of the session.
fn whole(said: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = match *said.as_slice() {
        [_, _, 0xff, low, high, ..] => 5 + usize::from(low) + 256 * usize::from(high),
        [_, _, 0xff, ..] => return None,
        [_, _, length, ..] => 3 + usize::from(length),
        _ => return None,
    };
    (said.len() >= length).then(|| said.drain(..length).collect())
}
