//! Where a body ends: RFC 9112 6.3, as one pure function for each kind of message.
//!
//! In: the fields that frame a body, and for a response the method it answers. Out: the [`Framing`].

use serde::{Deserialize, Serialize};

use super::Method;

/// How the end of a message's body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Framing {
    /// There is no body.
    None,
    /// So many octets.
    Length(u64),
    /// The chunked coding.
    Chunked,
    /// Until the sender closes.
    Close,
    /// No body, and no further message either: the connection carries something else from here on.
    Tunnel,
    /// The fields contradict each other or make no sense, so that nobody can tell.
    Unknown,
}

impl Framing {
    /// Whether the message ends with its head.
    #[inline]
    pub fn ends_with_head(self) -> bool {
        matches!(self, Framing::None | Framing::Length(0) | Framing::Tunnel)
    }

    /// `none`, `length`, `chunked`, `close` or `tunnel`; `None` where it cannot be told.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Framing::None => Some("none"),
            Framing::Length(_) => Some("length"),
            Framing::Chunked => Some("chunked"),
            Framing::Close => Some("close"),
            Framing::Tunnel => Some("tunnel"),
            Framing::Unknown => None,
        }
    }
}

/// The fields of a head that frame its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyFields {
    /// What Transfer-Encoding says.
    pub transfer_encoding: TransferEncoding,
    /// What Content-Length says.
    pub content_length: ContentLength,
}

/// What the Transfer-Encoding field says (RFC 9112 6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransferEncoding {
    /// There is none.
    #[default]
    Absent,
    /// Chunked is the final coding.
    Chunked,
    /// Another coding is the final one.
    Other,
}

/// What the Content-Length field says (RFC 9110 8.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentLength {
    /// There is none.
    #[default]
    Absent,
    /// A number, or the same number several times.
    Octets(u64),
    /// Numbers that differ, or something that is no number.
    Invalid,
}

/// What is wrong with the fields that frame a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingDefect {
    /// Both Transfer-Encoding and Content-Length (RFC 9112 6.2).
    Both,
    /// A Content-Length that is no single number (RFC 9112 6.3).
    InvalidLength,
}

impl BodyFields {
    /// Whether there is any.
    pub fn is_framed(self) -> bool {
        self != BodyFields::default()
    }

    /// What is wrong with them, if anything.
    pub fn defect(self) -> Option<FramingDefect> {
        match (self.transfer_encoding, self.content_length) {
            (_, ContentLength::Invalid) => Some(FramingDefect::InvalidLength),
            (TransferEncoding::Absent, _) | (_, ContentLength::Absent) => None,
            _ => Some(FramingDefect::Both),
        }
    }
}

/// The framing of a request (RFC 9112 6.3, points 3 to 7).
pub fn request_framing(fields: BodyFields) -> Framing {
    match (fields.transfer_encoding, fields.content_length) {
        (TransferEncoding::Chunked, _) => Framing::Chunked,
        (TransferEncoding::Other, _) | (_, ContentLength::Invalid) => Framing::Unknown,
        (_, ContentLength::Octets(octets)) => Framing::Length(octets),
        (_, ContentLength::Absent) => Framing::None,
    }
}

/// The framing of a response to a request with `method`, if that is known (RFC 9112 6.3, points 1 to 8).
pub fn response_framing(status: u16, method: Option<Method>, fields: BodyFields) -> Framing {
    if status == 101 {
        return Framing::Tunnel;
    }
    if method == Some(Method::Head) || matches!(status, 100..=199 | 204 | 304) {
        return Framing::None;
    }
    if method == Some(Method::Connect) && matches!(status, 200..=299) {
        return Framing::Tunnel;
    }
    match (fields.transfer_encoding, fields.content_length) {
        (TransferEncoding::Chunked, _) => Framing::Chunked,
        (TransferEncoding::Other, _) => Framing::Close,
        (_, ContentLength::Invalid) => Framing::Unknown,
        (_, ContentLength::Octets(octets)) => Framing::Length(octets),
        (_, ContentLength::Absent) => Framing::Close,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH_5: BodyFields = BodyFields {
        transfer_encoding: TransferEncoding::Absent,
        content_length: ContentLength::Octets(5),
    };
    const CHUNKED: BodyFields = BodyFields {
        transfer_encoding: TransferEncoding::Chunked,
        content_length: ContentLength::Absent,
    };
    const NOTHING: BodyFields = BodyFields {
        transfer_encoding: TransferEncoding::Absent,
        content_length: ContentLength::Absent,
    };

    #[test]
    fn what_never_has_a_body_has_none_whatever_the_fields_say() {
        for (status, method) in [
            (200, Method::Head),
            (100, Method::Get),
            (103, Method::Get),
            (204, Method::Get),
            (304, Method::Get),
        ] {
            for fields in [LENGTH_5, CHUNKED, NOTHING] {
                assert_eq!(
                    response_framing(status, Some(method), fields),
                    Framing::None,
                    "{status} {method:?}"
                );
            }
        }
    }

    #[test]
    fn a_tunnel_begins_after_101_and_after_a_2xx_to_connect_only() {
        assert_eq!(
            response_framing(101, Some(Method::Get), LENGTH_5),
            Framing::Tunnel
        );
        assert_eq!(
            response_framing(200, Some(Method::Connect), LENGTH_5),
            Framing::Tunnel
        );
        assert_eq!(
            response_framing(407, Some(Method::Connect), LENGTH_5),
            Framing::Length(5)
        );
    }

    #[test]
    fn transfer_encoding_beats_content_length() {
        let both = BodyFields {
            content_length: ContentLength::Octets(5),
            ..CHUNKED
        };
        assert_eq!(request_framing(both), Framing::Chunked);
        assert_eq!(
            response_framing(200, Some(Method::Get), both),
            Framing::Chunked
        );
        assert_eq!(both.defect(), Some(FramingDefect::Both));
    }

    #[test]
    fn without_any_field_a_request_ends_at_its_head_and_a_response_with_the_connection() {
        assert_eq!(request_framing(NOTHING), Framing::None);
        assert_eq!(response_framing(200, None, NOTHING), Framing::Close);
    }

    #[test]
    fn a_final_coding_other_than_chunked_ends_a_response_with_the_connection_and_leaves_a_request_open()
     {
        let other = BodyFields {
            transfer_encoding: TransferEncoding::Other,
            ..LENGTH_5
        };
        assert_eq!(
            response_framing(200, Some(Method::Get), other),
            Framing::Close
        );
        assert_eq!(request_framing(other), Framing::Unknown);
    }

    #[test]
    fn an_invalid_length_frames_nothing() {
        let invalid = BodyFields {
            content_length: ContentLength::Invalid,
            ..NOTHING
        };
        assert_eq!(request_framing(invalid), Framing::Unknown);
        assert_eq!(
            response_framing(200, Some(Method::Get), invalid),
            Framing::Unknown
        );
        assert_eq!(invalid.defect(), Some(FramingDefect::InvalidLength));
    }
}
