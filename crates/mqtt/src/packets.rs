use std::sync::Arc;

use mqtt_protocol_core::mqtt::{
    packet::{Qos, SubEntry, SubOpts, v3_1_1},
    result_code::{ConnectReturnCode, MqttError as Malformed, SubackReturnCode},
};

use crate::{Config, MqttError, QoS, frames::Frame};

/// A packet that a broker sends.
#[derive(Debug)]
pub(crate) enum Received {
    Connected { session_present: bool },
    Publish(Publish),
    PubAck { id: u16 },
    SubAck { id: u16, granted: Vec<Option<QoS>> },
    Pong,
}

#[derive(Debug)]
pub(crate) struct Publish {
    pub topic: String,
    pub payload: Vec<u8>,
    /// Length of the body before anything was skipped.
    pub payload_bytes: usize,
    pub retain: bool,
    pub duplicate: bool,
    /// Present in QoS 1.
    pub id: Option<u16>,
}

/// Reads a packet; a CONNACK that refuses is an error.
pub(crate) fn parse(frame: Frame) -> Result<Received, MqttError> {
    let refused = |what: &'static str| {
        move |error: Malformed| MqttError::Protocol(format!("{what} cannot be read: {error}"))
    };
    let bytes = &frame.bytes;
    match frame.kind {
        2 => connack(v3_1_1::Connack::parse(bytes).map_err(refused("connack"))?.0),
        3 => publish(frame),
        4 => {
            let packet = v3_1_1::Puback::parse(bytes).map_err(refused("puback"))?.0;
            Ok(Received::PubAck { id: packet.packet_id() })
        }
        9 => {
            let packet = v3_1_1::Suback::parse(bytes).map_err(refused("suback"))?.0;
            let granted = packet.return_codes().into_iter().map(granted).collect();
            Ok(Received::SubAck { id: packet.packet_id(), granted })
        }
        13 => Ok(Received::Pong),
        kind => Err(MqttError::Protocol(format!("a packet of kind {kind} was not asked for"))),
    }
}

fn connack(packet: v3_1_1::Connack) -> Result<Received, MqttError> {
    match packet.return_code() {
        ConnectReturnCode::Accepted => Ok(Received::Connected { session_present: packet.session_present() }),
        ConnectReturnCode::BadUserNameOrPassword => {
            Err(MqttError::Unauthorized { code: "bad user name or password" })
        }
        ConnectReturnCode::NotAuthorized => Err(MqttError::Unauthorized { code: "not authorized" }),
        ConnectReturnCode::UnacceptableProtocolVersion => {
            Err(MqttError::Refused { code: "it does not speak mqtt 3.1.1" })
        }
        ConnectReturnCode::IdentifierRejected => Err(MqttError::Refused { code: "client id rejected" }),
        ConnectReturnCode::ServerUnavailable => Err(MqttError::Refused { code: "service unavailable" }),
    }
}

fn publish(frame: Frame) -> Result<Received, MqttError> {
    let skipped = frame.skipped;
    let (packet, _) = v3_1_1::Publish::parse(frame.flags, Arc::from(frame.bytes))
        .map_err(|error| MqttError::Protocol(format!("publish cannot be read: {error}")))?;
    if packet.qos() == Qos::ExactlyOnce {
        return Err(MqttError::Protocol("a message of qos 2 was not asked for".to_owned()));
    }
    if packet.packet_id() == Some(0) {
        return Err(MqttError::Protocol("a message with packet id 0".to_owned()));
    }
    let payload = packet.payload().as_slice().to_vec();
    Ok(Received::Publish(Publish {
        topic: packet.topic_name().to_owned(),
        payload_bytes: payload.len() + skipped,
        payload,
        retain: packet.retain(),
        duplicate: packet.dup(),
        id: packet.packet_id(),
    }))
}

fn granted(code: SubackReturnCode) -> Option<QoS> {
    match code {
        SubackReturnCode::SuccessMaximumQos0 => Some(QoS::AtMostOnce),
        SubackReturnCode::SuccessMaximumQos1 | SubackReturnCode::SuccessMaximumQos2 => Some(QoS::AtLeastOnce),
        SubackReturnCode::Failure => None,
    }
}

pub(crate) fn connect(config: &Config) -> Result<Vec<u8>, MqttError> {
    let refused = |setting: &'static str| {
        move |error: Malformed| MqttError::Setting { setting, reason: error.to_string() }
    };
    let mut packet = v3_1_1::Connect::builder()
        .client_id(config.client_id.as_str())
        .map_err(refused("client_id"))?
        .clean_session(config.clean_session)
        .keep_alive(config.keep_alive_s);
    if let Some(username) = &config.username {
        packet = packet.user_name(username.as_str()).map_err(refused("username"))?;
    }
    if let Some(password) = &config.password {
        packet = packet.password(password.as_str()).map_err(refused("password"))?;
    }
    Ok(packet.build().map_err(refused("client_id"))?.to_continuous_buffer())
}

/// SUBSCRIBE to all filters at once. An empty list makes no packet: MQTT does not allow one.
pub(crate) fn subscribe(id: u16, filters: &[(String, QoS)]) -> Result<Option<Vec<u8>>, MqttError> {
    if filters.is_empty() {
        return Ok(None);
    }
    let refused = |filter: &str| {
        let filter = filter.to_owned();
        move |error: Malformed| MqttError::Setting {
            setting: "subscription",
            reason: format!("{filter:?} is not a topic filter: {error}"),
        }
    };
    let mut entries = Vec::with_capacity(filters.len());
    for (filter, qos) in filters {
        if !is_filter(filter) {
            return Err(refused(filter)(Malformed::TopicFilterInvalid));
        }
        let options = SubOpts::new().set_qos(level(*qos));
        entries.push(SubEntry::new(filter.as_str(), options).map_err(refused(filter))?);
    }
    let packet = v3_1_1::Subscribe::builder().packet_id(id).entries(entries).build();
    Ok(Some(packet.map_err(refused(&filters[0].0))?.to_continuous_buffer()))
}

/// Wildcards fill a whole level, and `#` is the last one (MQTT 3.1.1, section 4.7.1).
fn is_filter(filter: &str) -> bool {
    let levels: Vec<&str> = filter.split('/').collect();
    !filter.is_empty()
        && !filter.contains('\0')
        && levels.iter().enumerate().all(|(place, level)| match *level {
            "+" => true,
            "#" => place + 1 == levels.len(),
            level => !level.contains(['+', '#']),
        })
}

/// PUBLISH; `id` makes it QoS 1.
pub(crate) fn publish_out(
    topic: &str,
    payload: &[u8],
    retain: bool,
    id: Option<u16>,
) -> Result<Vec<u8>, MqttError> {
    let topic_refused = |_: Malformed| MqttError::Topic { topic: topic.to_owned() };
    let qos = id.map_or(Qos::AtMostOnce, |_| Qos::AtLeastOnce);
    let packet = v3_1_1::Publish::builder()
        .topic_name(topic)
        .map_err(topic_refused)?
        .qos(qos)
        .retain(retain)
        .packet_id(id)
        .payload(payload)
        .build()
        .map_err(topic_refused)?;
    Ok(packet.to_continuous_buffer())
}

/// Sets DUP, bit 3 of a PUBLISH's first byte (MQTT 3.1.1, 3.3.1.1).
pub(crate) fn mark_duplicate(publish: &mut [u8]) {
    if let Some(first) = publish.first_mut() {
        *first |= 0b1000;
    }
}

pub(crate) fn puback(id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [0x40, 2, high, low]
}

pub(crate) const PINGREQ: [u8; 2] = [0xc0, 0];
pub(crate) const DISCONNECT: [u8; 2] = [0xe0, 0];

fn level(qos: QoS) -> Qos {
    match qos {
        QoS::AtMostOnce => Qos::AtMostOnce,
        QoS::AtLeastOnce => Qos::AtLeastOnce,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::Frames;

    fn reread(bytes: &[u8]) -> Result<Received, MqttError> {
        let mut frames = Frames::new(1_000);
        frames.space().extend_from_slice(bytes);
        parse(frames.next().unwrap().unwrap())
    }

    #[test]
    fn a_publish_survives_writing_and_reading() {
        for (id, retain) in [(None, true), (Some(1), false), (Some(65_535), true)] {
            let mut bytes = publish_out("taizhang/v1/秤/7", b"\x00\xff", retain, id).unwrap();
            if id.is_some() {
                mark_duplicate(&mut bytes);
            }
            let Received::Publish(read) = reread(&bytes).unwrap() else { panic!("not a publish") };
            assert_eq!(
                (read.topic.as_str(), read.payload.as_slice()),
                ("taizhang/v1/秤/7", &b"\x00\xff"[..])
            );
            assert_eq!((read.id, read.retain, read.duplicate), (id, retain, id.is_some()));
        }
    }

    #[test]
    fn an_acknowledgement_survives_writing_and_reading() {
        assert!(matches!(reread(&puback(0x0102)), Ok(Received::PubAck { id: 0x0102 })));
    }

    #[test]
    fn qos_2_and_packet_id_0_and_requests_of_a_client_are_refused() {
        for bytes in [&[0x34, 5, 0, 1, b'a', 0, 1][..], &[0x32, 5, 0, 1, b'a', 0, 0], &PINGREQ] {
            assert!(matches!(reread(bytes), Err(MqttError::Protocol(_))), "{bytes:x?}");
        }
    }

    #[test]
    fn only_topic_filters_are_subscribed_to() {
        for good in ["#", "+", "a/+/b", "a/#", "/", "+/+/#", "taizhang/v1/+/sales"] {
            assert!(subscribe(1, &[(good.to_owned(), QoS::AtLeastOnce)]).unwrap().is_some(), "{good}");
        }
        for bad in ["", "a#", "#/a", "a+", "a/b+/c", "a\0"] {
            assert!(subscribe(1, &[(bad.to_owned(), QoS::AtLeastOnce)]).is_err(), "{bad}");
        }
        assert_eq!(subscribe(1, &[]), Ok(None));
    }
}
