//! The lines of requests, of which most are but a method that many share.

use std::borrow::Cow;

use crate::http::Method;

/// A request's line as it is kept: its method, with its target where that is kept.
#[derive(Debug)]
pub(super) enum Line {
    /// A method of the most usual.
    Known(LineKind),
    Text(Method, Box<str>),
}

/// What a line is, in an octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    /// There is no request.
    None,
    Get,
    Post,
    Head,
    Put,
    Delete,
    Options,
    Patch,
    /// A text that lies elsewhere, with a method of this kind.
    Text(Method),
}

impl Line {
    /// Of this method alone.
    #[inline]
    pub(super) fn of_method(method: Method, name: &str) -> Self {
        // They are compared one by one: a match would compare octet by octet.
        let kind = match name.len() {
            3 if name == "GET" => LineKind::Get,
            4 if name == "POST" => LineKind::Post,
            4 if name == "HEAD" => LineKind::Head,
            3 if name == "PUT" => LineKind::Put,
            6 if name == "DELETE" => LineKind::Delete,
            7 if name == "OPTIONS" => LineKind::Options,
            5 if name == "PATCH" => LineKind::Patch,
            _ => return Line::Text(method, name.into()),
        };
        Line::Known(kind)
    }

    pub(super) fn kind(&self) -> LineKind {
        match self {
            Line::Known(kind) => *kind,
            Line::Text(method, _) => LineKind::Text(*method),
        }
    }
}

impl LineKind {
    /// The method, as it bears on framing.
    #[inline]
    pub(super) fn method(self) -> Method {
        match self {
            LineKind::Get => Method::Get,
            LineKind::Head => Method::Head,
            LineKind::Put | LineKind::Delete | LineKind::Options => Method::Idempotent,
            LineKind::None | LineKind::Post | LineKind::Patch => Method::Other,
            LineKind::Text(method) => method,
        }
    }

    /// Whether its method is not known to be idempotent.
    #[inline]
    pub(super) fn is_unsafe(self) -> bool {
        self.method() == Method::Other
    }

    /// The line, where it is no text.
    pub(super) fn known(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            LineKind::Get => "GET",
            LineKind::Post => "POST",
            LineKind::Head => "HEAD",
            LineKind::Put => "PUT",
            LineKind::Delete => "DELETE",
            LineKind::Options => "OPTIONS",
            LineKind::Patch => "PATCH",
            LineKind::None | LineKind::Text(_) => "",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_method_is_what_its_name_says() {
        for name in ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            let method = Method::from_name(name);
            let kind = Line::of_method(method, name).kind();
            assert_eq!((kind.method(), &*kind.known()), (method, name));
        }
        for name in ["CONNECT", "LOCK", "TRACE", "GOT"] {
            let method = Method::from_name(name);
            assert_eq!(Line::of_method(method, name).kind(), LineKind::Text(method));
        }
        assert_eq!(size_of::<LineKind>(), 1);
    }
}
