//! Requests under way, bytes on their way out, sockets that come and go.

use metrics::{Counter, Gauge, Key, Label, Recorder};
use socketioxide::socket::DisconnectReason;

use super::{METADATA, Telemetry};

/// A request that is being answered, until it is dropped, however that comes.
pub struct UnderWay(Gauge);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl Telemetry {
    /// One more request is being answered.
    pub fn request_under_way(&self) -> UnderWay {
        self.in_flight.increment(1.0);
        UnderWay(self.in_flight.clone())
    }

    /// Bytes of response bodies.
    pub fn response_bytes(&self) -> &Counter {
        &self.response_bytes
    }

    /// A socket was let in, or not: `ok` or the code of the refusal.
    pub fn socket_connected(&self, outcome: &'static str) {
        self.count("socketio_connections_total", "outcome", outcome);
    }

    /// A socket has gone.
    pub fn socket_disconnected(&self, reason: DisconnectReason) {
        self.count("socketio_disconnections_total", "reason", word(reason));
    }

    fn count(&self, name: &'static str, label: &'static str, value: &'static str) {
        let key = Key::from_parts(name, vec![Label::new(label, value)]);
        self.recorder.register_counter(&key, &METADATA).increment(1);
    }
}

fn word(reason: DisconnectReason) -> &'static str {
    match reason {
        DisconnectReason::TransportClose => "transport_close",
        DisconnectReason::MultipleHttpPollingError => "multiple_polling",
        DisconnectReason::PacketParsingError => "bad_packet",
        DisconnectReason::TransportError => "transport_error",
        DisconnectReason::HeartbeatTimeout => "ping_timeout",
        DisconnectReason::ClientNSDisconnect => "client",
        DisconnectReason::ServerNSDisconnect => "server",
        DisconnectReason::ClosingServer => "draining",
    }
}
