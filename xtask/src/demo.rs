//! `cargo xtask demo`: the main job, live. A real Node service under real HTTP traffic, watched in the terminal.
//!
//! Builds are debug builds: the recording itself is JavaScript into plain memory and does not depend on them, and the
//! first run is minutes quicker. Whatever ends the demo, the service, the stub model and the load end with it.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::{Doing, Failure, Result};
use crate::process::{Background, Step};
use crate::requirements::Requirements;
use crate::{paths, report, setup, signals, suites};

/// How long the services may take to answer.
const READY: Duration = Duration::from_secs(30);
/// Without a terminal, a plain frame comes this often.
const FRAME: Duration = Duration::from_secs(5);

/// Start the example service under real traffic and watch it live.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask demo                          # until q or Ctrl-C
  cargo xtask demo --seconds 30             # ends by itself with a summary
  cargo xtask demo --rps 100 --seconds 30
  cargo xtask demo --replay trace.csv --compress 20   # a recorded service's arrivals and token counts

The light is usually YELLOW: the stub model lets about 7 calls in 1,000 fail, and 0.5 % is the limit; its P95 is near
1.5 s, the other limit. GREEN and YELLOW change with luck, RED takes an incident. What the demo itself asks of the
service is counted as internal work, not as requests.

Without a terminal it prints a plain frame every few seconds instead of the live view.")]
pub(crate) struct Options {
    /// End after this many seconds of traffic
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// Requests a second
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rps: u32,
    /// Replay the arrivals and token counts of a CSV (TIMESTAMP,ContextTokens,GeneratedTokens)
    #[arg(long, value_name = "FILE", conflicts_with = "rps")]
    replay: Option<PathBuf>,
    /// Replay this many times faster
    #[arg(long, value_name = "N", default_value_t = 10, requires = "replay", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    compress: u32,
}

/// Where the started example answers.
struct Ready {
    url: String,
    status: String,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let replay = match &options.replay {
        Some(file) => Some(
            file.canonicalize()
                .doing(|| format!("cannot read {}", file.display()))?,
        ),
        None => None,
    };
    let program = prepare()?;
    report::heading("demo: starting the stub model and the AI engine");
    let example = paths::at("examples/ai-engine");
    let (mut service, ready) = Step::new("demo-service", "node")
        .args(["start.mjs", "--port", "0", "--stub-port", "0"])
        .dir(&example)
        .limit(READY)
        .background(ready_line)?;
    let mut load = Step::new("demo-load", "node")
        .args(["load.mjs", "--quiet", "--json", "--seconds", "0", "--url"])
        .arg(&ready.url);
    load = match &replay {
        Some(file) => load
            .arg("--replay")
            .arg(file)
            .args(["--compress", &options.compress.to_string()]),
        None => load.args(["--rps", &options.rps.to_string()]),
    };
    let mut load = load.dir(&example).start()?;
    report::say(&format!(
        "demo: {} under {}; its status is {}",
        ready.url,
        match &options.replay {
            Some(file) => format!("the arrivals of {}", file.display()),
            None => format!("{} requests a second", options.rps),
        },
        ready.status
    ));

    let watched = watch(options, &program, &ready.status, &mut service);
    let stopped_early = signals::interrupted();
    // A Ctrl-C ends the watching; the summary is still wanted.
    signals::forget();
    watched?;
    let status = document(&program, &ready.status)?;
    let load_ended = load.ended()?;
    load.stop();
    service.stop();
    summary(&status, load_ended, &mut load)?;
    if stopped_early && options.seconds.is_some() {
        return Err(Failure::interrupted());
    }
    Ok(())
}

/// Sets up and builds, side by side where one waits for the network and the other for the processor.
fn prepare() -> Result<PathBuf> {
    report::heading("demo: setting up (later runs skip what is up to date)");
    let requirements = Requirements::look_or_install(true)?;
    requirements.complete()?;
    thread::scope(|scope| {
        let program = scope.spawn(|| {
            Step::cargo(
                "demo-build",
                [
                    "build",
                    "-p",
                    "tallylight",
                    "--bin",
                    "tallylight",
                    "--no-default-features",
                    // The features of the bindings, so that all three share one build of the core.
                    "--features",
                    "metrics,cli",
                ],
            )
            .run()
        });
        let set_up = setup::everything(&requirements);
        let built = program
            .join()
            .unwrap_or_else(|_| Err(Failure::new("the build broke off")));
        set_up.and(built.map(|_| ()))
    })?;
    suites::node::build(false)?;
    setup::node_example(&paths::at("examples/ai-engine"))?;
    Ok(paths::target().join("debug/tallylight"))
}

fn ready_line(line: &str) -> Option<Ready> {
    let value: Value = serde_json::from_str(line).ok()?;
    if value["ready"] != true {
        return None;
    }
    Some(Ready {
        url: value["url"].as_str()?.to_string(),
        status: value["status"].as_str()?.to_string(),
    })
}

/// Shows the status until the time is over, the user ends it, or the service dies.
fn watch(
    options: &Options,
    program: &PathBuf,
    status: &str,
    service: &mut Background,
) -> Result<()> {
    if io::stdout().is_terminal() && io::stdin().is_terminal() {
        watch_live(options, program, status, service)
    } else {
        watch_plainly(options, program, status, service)
    }
}

/// The live view has the terminal to itself, so it runs in our own process group.
fn watch_live(
    options: &Options,
    program: &PathBuf,
    status: &str,
    service: &mut Background,
) -> Result<()> {
    let mut command = Command::new(program);
    command.args(["status", status]).current_dir(paths::root());
    if let Some(seconds) = options.seconds {
        command.args(["--seconds", &seconds.to_string()]);
    }
    let mut view = command
        .spawn()
        .doing(|| "cannot start the live view".into())?;
    let ended = loop {
        if let Some(ended) = view
            .try_wait()
            .doing(|| "cannot wait for the view".into())?
        {
            break ended;
        }
        let died = service.ended()?.is_some();
        if died || signals::interrupted() {
            signals::send_to_process(view.id(), signals::TERM);
            let _ = view.wait();
            if died {
                return Err(service.failed("ended while it was watched"));
            }
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    };
    // 130: the user pressed Ctrl-C in the view, which is one of its two ways out.
    if ended.success() || ended.code() == Some(130) {
        return Ok(());
    }
    Err(Failure::new(format!("the live view failed ({ended})")))
}

fn watch_plainly(
    options: &Options,
    program: &PathBuf,
    status: &str,
    service: &mut Background,
) -> Result<()> {
    let started = Instant::now();
    let until = options.seconds.map(Duration::from_secs);
    let mut next_frame = FRAME.min(until.unwrap_or(FRAME));
    loop {
        let elapsed = started.elapsed();
        if signals::interrupted() || until.is_some_and(|until| elapsed >= until) {
            return Ok(());
        }
        if service.ended()?.is_some() {
            return Err(service.failed("ended while it was watched"));
        }
        if elapsed >= next_frame {
            next_frame += FRAME;
            let frame = Command::new(program)
                .args(["status", "--once", "--color", "never", status])
                .output()
                .doing(|| "cannot print a frame".into())?;
            if !frame.status.success() {
                return Err(Failure::new(format!(
                    "the status could not be read: {}",
                    String::from_utf8_lossy(&frame.stderr).trim()
                )));
            }
            report::data(&String::from_utf8_lossy(&frame.stdout));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The status document as the service serves it.
fn document(program: &PathBuf, status: &str) -> Result<Value> {
    let answer = Command::new(program)
        .args(["status", "--json", status])
        .output()
        .doing(|| "cannot read the status".into())?;
    if !answer.status.success() {
        return Err(Failure::new(format!(
            "the status could not be read: {}",
            String::from_utf8_lossy(&answer.stderr).trim()
        )));
    }
    serde_json::from_slice(&answer.stdout).doing(|| "the status is no JSON".into())
}

fn summary(status: &Value, load_ended: Option<ExitStatus>, load: &mut Background) -> Result<()> {
    let requests = status["metrics"]["totalRequests"].as_f64().unwrap_or(0.0);
    if requests <= 0.0 {
        let why = match load_ended {
            Some(ended) if !ended.success() => format!("the load failed ({ended})"),
            Some(_) => "the load ended before a request was answered".to_string(),
            None => "no request was answered in that time".to_string(),
        };
        return Err(load.failed(&format!(
            "recorded no traffic: {why}; give it more --seconds, or look at target/xtask-logs/demo-service.log"
        )));
    }
    report::data("");
    report::data("Summary");
    report::data(&line(
        "requests served",
        &status["metrics"],
        "totalRequests",
    ));
    report::data(&line("model calls", &status["models"], "totalCalls"));
    let mut errors: Vec<String> = status["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .take(5)
        .map(|error| {
            format!(
                "{} {} in {}",
                error["count"],
                error["type"].as_str().unwrap_or("?"),
                match error["kind"].as_str() {
                    // A model operation's name is a metric's, too long to read here.
                    Some("model") => "model calls",
                    _ => error["operation"].as_str().unwrap_or("?"),
                }
            )
        })
        .collect();
    if errors.is_empty() {
        errors.push("none".into());
    }
    report::data(&format!("  errors by type    {}", errors.join(", ")));
    let telemetry = &status["telemetry"];
    let drops: f64 = telemetry["drops"]
        .as_object()
        .into_iter()
        .flat_map(|drops| drops.values())
        .filter_map(Value::as_f64)
        .sum();
    report::data(&format!(
        "  recorded by       {} series, {:.0} KiB, {drops} samples dropped",
        telemetry["series"],
        telemetry["memoryBytes"].as_f64().unwrap_or(0.0) / 1024.0,
    ));
    Ok(())
}

fn line(label: &str, block: &Value, total: &str) -> String {
    let number = |name: &str| block[name].as_f64().unwrap_or(0.0);
    format!(
        "  {label:<17} {:>6}   P50 {:>8.1} ms   P95 {:>8.1} ms   P99 {:>8.1} ms   errors {:.2} %",
        number(total),
        number("p50Duration"),
        number("p95Duration"),
        number("p99Duration"),
        number("errorRate"),
    )
}
