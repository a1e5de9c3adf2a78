//! Reads one secret through Tallylight and through its peer, against whatever `AWS_ENDPOINT_URL` names.
//!
//!   hits SECRET [--quick]        prints one JSON document of what a cached read costs
//!   probe WHO SECRET TTL_MS      answers lines `read N` on stdin, by N reads at once of one cache

mod caches;
mod hits;
mod probe;
mod rounds;

use std::error::Error;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["hits", secret] => hits::print(secret, false),
        ["hits", secret, "--quick"] => hits::print(secret, true),
        ["probe", who, secret, ttl] => probe::answer(who, secret, ttl.parse()?),
        _ => Err("give `hits SECRET [--quick]` or `probe WHO SECRET TTL_MS`".into()),
    }
}
