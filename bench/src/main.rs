//! `make bench`: builds a city on each database, drives the real server from processes of its own and
//! prints one table. `hutong-bench --help` lists what it can be asked.

mod access;
mod city;
mod client;
mod house;
mod load;
mod machine;
mod paths;
mod raw;
mod scale;
mod streams;
mod table;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use clap::{Parser, Subcommand};
use server::start::Place;

use crate::client::Fault;
use crate::house::{Engine, own_program};
use crate::scale::Scale;
use crate::table::Table;

/// Measures Hutong on both databases.
#[derive(Debug, Parser)]
#[command(name = "hutong-bench")]
struct Cli {
    /// Small city, short runs: for every change
    #[arg(long)]
    quick: bool,
    /// The server's program
    #[arg(long, default_value = "target/release/hutong")]
    binary: PathBuf,
    /// A private PostgreSQL with fsync on; without it only SQLite is measured
    #[arg(long)]
    database_url: Option<String>,
    /// First process of that PostgreSQL, to charge its CPU time
    #[arg(long)]
    database_pid: Option<u32>,
    /// Folder for the cities; kept, so that the next run begins with them
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Seconds of each measurement, instead of the city's own
    #[arg(long)]
    seconds: Option<f64>,
    /// Only paths whose name holds this
    #[arg(long, default_value = "")]
    only: String,
    /// `sqlite`, `postgresql` or both
    #[arg(long, default_value = "both")]
    engine: String,
    #[command(subcommand)]
    command: Option<Process>,
}

/// Processes that the bench starts itself.
#[derive(Debug, Subcommand)]
enum Process {
    /// Drives a plan from standard input
    Load,
    /// Builds a city
    Seed {
        #[arg(long)]
        data: PathBuf,
    },
    /// Writes prepared submissions through the lanes, without HTTP, validation and access
    Raw {
        #[arg(long)]
        data: PathBuf,
        #[arg(long)]
        first: usize,
        #[arg(long)]
        seconds: f64,
    },
    /// Holds streams open
    Streams,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let place = |data: PathBuf| Place { data, database_url: cli.database_url.clone() };
    let done = match &cli.command {
        Some(Process::Load) => load::main(),
        Some(Process::Streams) => streams::main(),
        Some(Process::Seed { data }) => {
            let scale = if cli.quick { Scale::quick() } else { Scale::full() };
            block(async { city::build(&place(data.clone()), scale).await.map(|_| ()) })
        }
        Some(Process::Raw { data, first, seconds }) => block(raw::main(place(data.clone()), *first, *seconds)),
        None => block(run(&cli)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn block(work: impl Future<Output = Result<(), Fault>>) -> Result<(), Fault> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

async fn run(cli: &Cli) -> Result<(), Fault> {
    let began = Instant::now();
    let temporary = tempfile::tempdir()?;
    let folder = cli.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    let mut engines = vec![("sqlite", None, None)];
    if let Some(url) = &cli.database_url {
        engines.push(("postgresql", Some(url.clone()), cli.database_pid));
    }
    engines.retain(|(name, ..)| cli.engine == "both" || cli.engine == *name);
    let mut table = Table::default();
    println!("{} cores, load {} at the beginning", machine::cores(), machine::load());
    for (name, url, pid) in engines {
        table.engine(name);
        let place = Place { data: folder.join(name), database_url: url };
        if !place.data.join(city::FILE).exists() {
            seed(cli, &place)?;
        }
        let engine = Engine { name, place, database: pid };
        let house = paths::Bench {
            binary: &cli.binary,
            city: city::read(&engine.place.data)?,
            engine: &engine,
            only: &cli.only,
            seconds: cli.seconds,
        };
        house.run(&mut table).await?;
    }
    println!("\n{}", table.text());
    println!(
        "load {} at the end; {:.0} s; {} bars missed",
        machine::load(),
        began.elapsed().as_secs_f64(),
        table.missed()
    );
    Ok(())
}

fn seed(cli: &Cli, place: &Place) -> Result<(), Fault> {
    std::fs::create_dir_all(&place.data)?;
    let mut command = Command::new(own_program()?);
    if cli.quick {
        command.arg("--quick");
    }
    if let Some(url) = &place.database_url {
        command.args(["--database-url", url]);
    }
    let done = command.arg("seed").arg("--data").arg(&place.data).stdin(Stdio::null()).status()?;
    if done.success() { Ok(()) } else { Err("the city was not built".into()) }
}
