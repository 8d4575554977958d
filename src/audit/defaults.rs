//! Whose default is this? Idle timeouts that products ship with, to guess at what closes.
//!
//! In: an inferred timeout, and what the server advertises. Out: the names of products with such a default. That they
//! match proves nothing: a product may be configured otherwise, and another one configured like this.

use super::idle_timeout::{IdleTimeout, Kind};
use crate::time::Span;

/// What a server advertises unless told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// No `Keep-Alive` field.
    Nothing,
    /// `timeout`.
    Timeout,
    /// `timeout` and `max`.
    TimeoutAndMax,
}

/// Servers, with the timeout towards their clients.
const SERVERS: [(&str, f64, Hint); 24] = [
    ("Apache httpd", 5.0, Hint::TimeoutAndMax),
    ("Node.js up to 24", 5.0, Hint::Timeout),
    // Newer releases close a second later than they advertise.
    ("Node.js up to 24", 6.0, Hint::Timeout),
    ("Node.js", 65.0, Hint::Timeout),
    ("Node.js", 66.0, Hint::Timeout),
    ("Tomcat", 20.0, Hint::Timeout),
    ("Tomcat", 60.0, Hint::Timeout),
    ("nginx", 75.0, Hint::Nothing),
    ("aiohttp", 75.0, Hint::Nothing),
    ("lighttpd", 5.0, Hint::Nothing),
    ("uvicorn", 5.0, Hint::Nothing),
    ("hypercorn", 5.0, Hint::Nothing),
    ("Varnish", 5.0, Hint::Nothing),
    ("gunicorn", 2.0, Hint::Nothing),
    ("puma", 65.0, Hint::Nothing),
    ("Jetty", 30.0, Hint::Nothing),
    ("AWS ALB", 60.0, Hint::Nothing),
    ("IIS", 120.0, Hint::Nothing),
    ("Squid", 120.0, Hint::Nothing),
    ("Kestrel", 130.0, Hint::Nothing),
    ("Traefik", 180.0, Hint::Nothing),
    ("Caddy", 300.0, Hint::Nothing),
    ("Google load balancer", 610.0, Hint::Nothing),
    ("Envoy", 3600.0, Hint::Nothing),
];

/// Clients and proxies, with the timeout towards servers.
const CLIENTS: [(&str, f64); 24] = [
    ("Ruby Net::HTTP", 2.0),
    ("undici (Node.js fetch)", 4.0),
    ("HAProxy", 5.0),
    ("Chrome, unused", 10.0),
    ("aiohttp", 15.0),
    ("Java HttpClient", 30.0),
    ("nginx", 60.0),
    ("AWS ALB", 60.0),
    ("Squid", 60.0),
    ("Varnish", 60.0),
    (".NET", 60.0),
    ("Go", 90.0),
    ("hyper and reqwest", 90.0),
    ("Firefox", 115.0),
    ("curl", 118.0),
    ("Caddy", 120.0),
    (".NET before 6", 120.0),
    ("Chrome", 300.0),
    ("OkHttp", 300.0),
    ("Google load balancer", 600.0),
    ("Cloudflare", 900.0),
    ("Java HttpClient before 20", 1200.0),
    ("Envoy", 3600.0),
    ("AWS NLB", 350.0),
];

/// The servers with such a timeout by default.
pub fn servers(told: &IdleTimeout, hint: Hint) -> Vec<&'static str> {
    let alike = SERVERS
        .iter()
        .filter(|&&(_, seconds, advertises)| advertises == hint && is_it(told, seconds));
    alike.map(|&(name, ..)| name).collect()
}

/// The clients with such a timeout by default.
pub fn clients(told: &IdleTimeout) -> Vec<&'static str> {
    let alike = CLIENTS.iter().filter(|&&(_, seconds)| is_it(told, seconds));
    alike.map(|&(name, _)| name).collect()
}

/// Whether a timer of so many seconds would close like this: hardly sooner, and only a little later unless it is looked
/// at now and then.
fn is_it(told: &IdleTimeout, seconds: f64) -> bool {
    let [mode] = told.modes.as_slice() else {
        return false;
    };
    let later = match told.kind {
        Kind::Steady | Kind::Once => 0.02,
        Kind::Stepwise => 0.1,
        Kind::Several | Kind::Scattered | Kind::NoneSeen | Kind::Unknown => return false,
    };
    let from = Span::from_nanos((seconds * 0.995e9) as i64);
    let to = Span::from_nanos(((seconds * (1.0 + later) + 0.05) * 1e9) as i64);
    (from..=to).contains(&mode.from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::histogram::{Coarse, Fine, Witness};
    use crate::audit::idle_timeout::infer;

    fn told(millis: &[i64]) -> IdleTimeout {
        let mut closed = Fine::default();
        for &millis in millis {
            closed.add(Span::from_millis(millis), Witness::New);
        }
        infer(&closed, &Coarse::default())
    }

    #[test]
    fn defaults_are_told_apart_by_what_is_advertised() {
        let five = told(&[5_005, 5_006, 5_004]);
        assert_eq!(servers(&five, Hint::TimeoutAndMax), ["Apache httpd"]);
        assert_eq!(servers(&five, Hint::Timeout), ["Node.js up to 24"]);
        assert_eq!(servers(&five, Hint::Nothing).first(), Some(&"lighttpd"));
        assert_eq!(clients(&five), ["HAProxy"]);
        assert_eq!(
            servers(&told(&[75_066]), Hint::Nothing),
            ["nginx", "aiohttp"]
        );
        assert_eq!(
            clients(&told(&[90_010, 90_002])),
            ["Go", "hyper and reqwest"]
        );
    }

    #[test]
    fn what_is_no_default_or_no_timer_is_nobodys() {
        assert!(servers(&told(&[4_900, 4_901]), Hint::Nothing).is_empty());
        assert!(servers(&told(&[7_000, 7_001]), Hint::Nothing).is_empty());
        assert!(clients(&told(&[5_000, 5_001, 5_002, 60_000, 60_001, 60_002])).is_empty());
        assert!(clients(&told(&[])).is_empty());
    }
}
