//! A message with the MQTT 5 properties that are used here.

use std::time::Duration;

use rumqttc::v5::mqttbytes::{
    QoS,
    v5::{LastWill, LastWillProperties, Publish, PublishProperties},
};

/// A published or received message, at QoS 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The topic.
    pub topic: String,
    /// The content type.
    pub content_type: Option<String>,
    /// The payload.
    pub payload: Vec<u8>,
    /// Whether the broker retains it for later subscribers, replacing an earlier one; on a received message: it was
    /// retained.
    pub retain: bool,
    /// The topic for the answer, if one is requested.
    pub response_topic: Option<String>,
    /// The correlation data that an answer repeats.
    pub correlation: Option<Vec<u8>>,
    /// The expiry, in whole seconds; then the broker drops it.
    pub expires: Option<Duration>,
}

impl Message {
    /// A message that is not retained and requests no answer.
    pub fn new(topic: String, content_type: String, payload: Vec<u8>) -> Self {
        Self { topic, content_type: Some(content_type), payload, ..Self::default() }
    }

    /// The size of its PUBLISH without the payload (MQTT 5.0, section 3.3): type and flags, remaining length, topic,
    /// packet identifier, and the properties, each with its identifier and its longest length.
    pub(crate) fn overhead(&self) -> usize {
        let property = |bytes: Option<usize>| bytes.map_or(0, |bytes| 1 + 2 + bytes);
        let properties = property(self.content_type.as_ref().map(String::len))
            + property(self.response_topic.as_ref().map(String::len))
            + property(self.correlation.as_ref().map(Vec::len))
            + self.expires.map_or(0, |_| 1 + 4);
        1 + 4 + 2 + self.topic.len() + 2 + 4 + properties
    }

    fn expiry(&self) -> Option<u32> {
        self.expires.map(|after| u32::try_from(after.as_secs().max(1)).unwrap_or(u32::MAX))
    }

    pub(crate) fn properties(&self) -> PublishProperties {
        PublishProperties {
            content_type: self.content_type.clone(),
            response_topic: self.response_topic.clone(),
            correlation_data: self.correlation.clone().map(Into::into),
            message_expiry_interval: self.expiry(),
            ..PublishProperties::default()
        }
    }

    pub(crate) fn into_will(self) -> LastWill {
        let properties = LastWillProperties {
            delay_interval: None,
            payload_format_indicator: None,
            message_expiry_interval: self.expiry(),
            content_type: self.content_type,
            response_topic: self.response_topic,
            correlation_data: self.correlation.map(Into::into),
            user_properties: Vec::new(),
        };
        LastWill::new(self.topic, self.payload, QoS::AtLeastOnce, self.retain, Some(properties))
    }

    pub(crate) fn arrived(published: Publish) -> Self {
        let properties = published.properties.unwrap_or_default();
        Self {
            topic: String::from_utf8_lossy(&published.topic).into_owned(),
            content_type: properties.content_type,
            payload: published.payload.to_vec(),
            retain: published.retain,
            response_topic: properties.response_topic,
            correlation: properties.correlation_data.map(|bytes| bytes.to_vec()),
            expires: properties.message_expiry_interval.map(|seconds| Duration::from_secs(seconds.into())),
        }
    }
}
