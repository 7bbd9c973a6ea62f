//! Probing finds the protocol of a scale that somebody has plugged in.

use drivers::{
    discover,
    simulate::{Place, ScaleProtocol, SimulatedScale},
};

#[tokio::test]
async fn the_protocol_of_a_scale_is_found() {
    for (name, protocol) in ScaleProtocol::ALL {
        if matches!(protocol, ScaleProtocol::Dialog06 | ScaleProtocol::Hid) {
            continue;
        }
        let device = SimulatedScale::speaking(protocol, &Place::Pty(None)).unwrap();
        device.put(1250);
        let answered = discover::probe(&device.address().unwrap(), |_| {}).await;
        let answered = answered.unwrap_or_else(|| panic!("{name} is not found"));
        assert_eq!((answered.protocol, answered.weight.milli), (name, Some(1250)));
    }
}

#[tokio::test]
async fn a_silent_line_is_nothing() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut attempts = 0;
    let address = format!("tcp://{nobody}").parse().unwrap();
    assert_eq!(discover::probe(&address, |_| attempts += 1).await, None);
    assert!(attempts > 4);
}
