//! A server on the page: how its connections went, and what it did with idle ones.

use super::WORST_FIRST;
use super::histogram::IdleHistogram;
use crate::audit::Survey;
use crate::audit::server::Server;
use crate::packet::Endpoint;
use crate::report::advice::{grouped, sentences};
use crate::report::by_server::{COLUMNS, Told, cells};
use crate::report::markdown::one_line;
use crate::rules::Verdict;

/// So many servers are told of.
pub(super) const MOST_SERVERS: usize = 50;

/// A server, as the page tells of it.
pub(super) struct ServerCard {
    pub(super) endpoint: String,
    pub(super) verdict: Verdict,
    /// What the listing by server has in its columns, each with the heading.
    pub(super) facts: Vec<(String, String)>,
    pub(super) sentences: Vec<String>,
    pub(super) histogram: Option<IdleHistogram>,
}

/// The servers that are told of, those with the worst verdicts and most lost requests first, and how many are not.
pub(super) fn cards(survey: &Survey) -> (Vec<ServerCard>, usize) {
    let mut servers: Vec<(&Endpoint, &Server)> = survey.servers.iter().collect();
    servers.sort_by_key(|(endpoint, server)| {
        let lost = server.lost_with(|_| true);
        let connections = server.totals.connections;
        let weight = (server.totals.worst(), lost, connections);
        (std::cmp::Reverse(weight), **endpoint)
    });
    let left_out = servers.len().saturating_sub(MOST_SERVERS);
    let told = servers.into_iter().take(MOST_SERVERS).map(card);
    (told.collect(), left_out)
}

fn card((endpoint, server): (&Endpoint, &Server)) -> ServerCard {
    let told = Told::new((endpoint, server));
    let heads = COLUMNS.iter().map(|column| heading(column.heading));
    let facts = heads.zip(cells(&told));
    // The server is the heading of all this, and the verdict stands beside it.
    let mut facts: Vec<_> = facts.skip(1).collect();
    facts.pop();
    facts.push(("verdicts".to_owned(), {
        let counts = WORST_FIRST.into_iter().filter_map(|verdict| {
            let count = server.totals.with(verdict);
            (count > 0).then(|| format!("{} {}", grouped(count), verdict.name()))
        });
        counts.collect::<Vec<_>>().join(", ")
    }));
    ServerCard {
        endpoint: endpoint.to_string(),
        verdict: server.totals.worst().unwrap_or(Verdict::Unknown),
        facts,
        sentences: sentences(endpoint, server, &told.conclusions),
        histogram: IdleHistogram::of(server, &told.conclusions),
    }
}

/// A heading of a narrow column, in one line.
fn heading(narrow: &str) -> String {
    one_line(&narrow.replace("-\n", "")).replace("conn.", "connection")
}
