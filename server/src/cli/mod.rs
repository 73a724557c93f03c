//! The command line: one file per family of commands, each a thin door to a room's use-case.
//!
//! The usual next thing is a command: a variant of [`Command`], an arm in [`carry_out`], and its function
//! in the file of its family.

mod application;
mod audit;
mod data;
mod keeping;
mod keys;
mod output;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::start::{Place, StartError};
pub use output::Output;

/// Hutong (互通): ledgers, tasks and resident service channels for a city.
#[derive(Debug, Parser)]
#[command(name = "hutong", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
struct Options {
    /// Folder with the embedded database, the keys and the files
    #[arg(long, global = true, default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// PostgreSQL to use instead of the embedded database
    #[arg(long, global = true, env = "HUTONG_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Answer with one JSON object a line, for programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create the demo city if it is not there yet, and serve it
    Demo {
        /// Address to listen on; port 0 takes a free one
        #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
        listen: SocketAddr,
        /// Let made-up workers and residents submit so many times a minute, so that boards move
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=6000))]
        activity: Option<u32>,
    },
    /// Serve an installation; the first start asks in the browser for its name and administrator
    Serve {
        /// Address to listen on
        #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
        listen: SocketAddr,
    },
    /// Bring the database to the schema of this version
    Migrate,
    /// Look at the whole installation: schema, keys, totals against a recount, conservation
    Doctor,
    /// Keep the whole installation in one file, while it is served: rows, files, and which keys they need
    Backup {
        /// The file to make; it must not be there yet
        file: PathBuf,
        /// Put the keys in as well: whoever has the file can then read all personal data
        #[arg(long)]
        with_keys: bool,
    },
    /// Make an installation of a backup, where there is none yet; a broken file is refused before anything is written
    Restore {
        /// The backup
        file: PathBuf,
        /// The key file of the installation that was kept, if neither the backup nor the data folder has it
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
        /// Only read the backup to its end and say what is in it
        #[arg(long)]
        check: bool,
    },
    /// Move the whole installation to another database; no server may run on it
    Move {
        /// Where to: postgres://USER@HOST/DATABASE, or sqlite:FOLDER
        #[arg(long, value_name = "URL", required_unless_present = "undo")]
        to: Option<String>,
        /// Serve this copy again after all: forgets that it was moved
        #[arg(long, conflicts_with = "to")]
        undo: bool,
    },
    /// Import places or the address book from a sheet
    #[command(subcommand)]
    Import(Import),
    /// Check the sealed events
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Rotate the keys of what is stored encrypted
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Make API tokens
    #[command(subcommand)]
    Token(Token),
    /// Applications: folders of forms, rules, tasks, ledgers and channels
    #[command(subcommand)]
    App(Application),
}

#[derive(Debug, Subcommand)]
enum Application {
    /// Look for faults in an application's folder; needs no database
    Check {
        /// The folder with `app.json`
        dir: PathBuf,
    },
    /// Install an application's folder, or upgrade it; the same again changes nothing
    Install {
        /// The folder with `app.json`
        dir: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum Import {
    /// Places: tsv `code level name`, or a sheet with a header
    Places(ImportFile),
    /// The address book: organizations, posts, people, roles and sign-in names
    Addressbook(ImportFile),
}

#[derive(Debug, Args)]
struct ImportFile {
    /// The file
    file: PathBuf,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Subcommand)]
enum Token {
    /// Make a bearer token for an account; it is printed once
    Create {
        /// Sign-in name of the account
        #[arg(long, value_name = "LOGIN")]
        account: String,
        /// What it is for
        #[arg(long, default_value = "api")]
        title: String,
    },
}

/// What a command can fail with: the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// the house did not open
    #[error(transparent)]
    Start(#[from] StartError),
    /// a use-case refused
    #[error("{0}")]
    Refused(String),
    /// the input has faults, already printed
    #[error("{0} faults; nothing was changed")]
    Faults(usize),
    /// the self-check found something
    #[error("{0} checks found something wrong")]
    Unwell(usize),
    /// the events are not as they were sealed
    #[error("{0} faults in the sealed events")]
    Tampered(usize),
    /// files
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// keeping, restoring or moving
    #[error(transparent)]
    Keep(#[from] crate::keeping::KeepError),
}

impl CliError {
    /// What is said at the end, in the reader's language.
    fn text(&self, output: &Output) -> String {
        match self {
            Self::Faults(count) => output
                .pick("{n} 处问题，没有改动任何内容", "{n} faults; nothing was changed")
                .replace("{n}", &count.to_string()),
            other => other.to_string(),
        }
    }

    /// What a use-case refused, in the reader's language.
    fn of(error: crate::error::AppError, output: &Output) -> Self {
        Self::Refused(crate::error::plain_text(error, output.lang()))
    }
}

impl From<crate::error::AppError> for CliError {
    fn from(error: crate::error::AppError) -> Self {
        Self::Refused(crate::error::plain_text(error, web::Lang::En))
    }
}

/// Runs the program.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.options.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => {
            output.fault(&format!("cannot start: {fault}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(carry_out(cli, &output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            output.fault(&fault.text(&output));
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(cli: Cli, output: &Output) -> Result<(), CliError> {
    let place = Place { data: cli.options.data, database_url: cli.options.database_url };
    match cli.command {
        Command::Demo { listen, activity } => serve::demo(&place, listen, activity, output).await,
        Command::Serve { listen } => serve::serve(&place, listen, output).await,
        Command::Migrate => data::migrate(&place, output).await,
        Command::Doctor => data::doctor(&place, output).await,
        Command::Audit(command) => audit::carry_out(&place, command, output).await,
        Command::Keys(command) => keys::carry_out(&place, command, output).await,
        Command::Backup { file, with_keys } => keeping::backup(&place, &file, with_keys, output).await,
        Command::Restore { file, check: true, .. } => keeping::check(&file, output).await,
        Command::Restore { file, keys, check: false } => keeping::restore(&place, &file, keys.as_deref(), output).await,
        Command::Move { to: Some(to), .. } => keeping::move_to(&place, &to, output).await,
        Command::Move { to: None, .. } => keeping::undo_move(&place, output).await,
        Command::Import(Import::Places(file)) => data::import_places(&place, &file.file, file.dry_run, output).await,
        Command::Import(Import::Addressbook(file)) => {
            data::import_address_book(&place, &file.file, file.dry_run, output).await
        }
        Command::App(Application::Check { dir }) => application::check(&dir, output),
        Command::App(Application::Install { dir }) => application::install(&place, &dir, output).await,
        Command::Token(Token::Create { account, title }) => data::create_token(&place, &account, &title, output).await,
    }
}
