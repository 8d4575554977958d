//! Parquet has the columns of CSV with the same values, with types, and nothing where nothing is known.

#![cfg(feature = "parquet")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail where it stands"
)]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use keepcap::time::Time;
use parquet::basic::{LogicalType, TimeUnit, Type};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use tempfile::TempDir;

#[allow(dead_code, reason = "only one kind of traffic is wanted here")]
#[path = "../benches/traffic/mod.rs"]
mod traffic;

/// What a run writes in this format, as a file of its own.
fn written(arguments: &[&str], format: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format);
    let output = Command::new(env!("CARGO_BIN_EXE_keepcap"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .args(["--format", format, "--output", path.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    (folder, path)
}

fn parquet(arguments: &[&str]) -> SerializedFileReader<File> {
    let (_folder, path) = written(arguments, "parquet");
    SerializedFileReader::new(File::open(path).unwrap()).unwrap()
}

/// The rows of CSV, the header first.
fn csv(arguments: &[&str]) -> Vec<Vec<String>> {
    let (_folder, path) = written(arguments, "csv");
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.has_headers(false).from_path(path).unwrap();
    let rows = reader.records();
    rows.map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

fn columns(reader: &SerializedFileReader<File>) -> Vec<(String, Type)> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns = schema.columns().iter();
    columns
        .map(|column| (column.name().to_owned(), column.physical_type()))
        .collect()
}

/// Whether that is what CSV says in other words.
fn is_told_by(field: &Field, cell: &str) -> bool {
    match field {
        Field::Null => cell.is_empty(),
        Field::Bool(flag) => flag.to_string() == cell,
        // The reader hands out points in time as plain numbers, too.
        Field::Long(number) => {
            number.to_string() == cell || Time::from_nanos((*number).into()).to_string() == cell
        }
        Field::Double(real) => cell.parse() == Ok(*real),
        Field::Str(text) => text == cell,
        _ => false,
    }
}

#[test]
fn every_cell_is_that_of_csv() {
    for by in ["connection", "server", "capture"] {
        let arguments = ["samples", "--all", "--by", by];
        let reader = parquet(&arguments);
        let csv = csv(&arguments);
        let names: Vec<_> = columns(&reader).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, csv[0], "{by}");
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().collect();
        assert_eq!(rows.len(), csv.len() - 1, "{by}");
        assert!(rows.len() > 10, "{by}");
        for (row, cells) in rows.into_iter().zip(&csv[1..]) {
            for ((name, field), cell) in row.unwrap().get_column_iter().zip(cells) {
                assert!(is_told_by(field, cell), "{by}, {name}: {field} {cell:?}");
            }
        }
    }
}

#[test]
fn what_is_not_known_is_null_where_json_has_null() {
    let (_folder, path) = written(&["samples", "--all"], "json");
    let document: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let connections = document["connections"].as_array().unwrap();
    let reader = parquet(&["samples", "--all"]);
    let mut unknown = BTreeSet::new();
    for (row, connection) in reader.get_row_iter(None).unwrap().zip(connections) {
        for (name, field) in row.unwrap().get_column_iter() {
            // Lists have become counts, which are known.
            let null = connection.get(name).is_some_and(serde_json::Value::is_null);
            assert_eq!(matches!(field, Field::Null), null, "{name}: {connection}");
            unknown.extend(null.then(|| name.clone()));
        }
    }
    for name in ["timeout_s", "max", "close_cause", "idle_last_s"] {
        assert!(unknown.contains(name), "{name} in {unknown:?}");
    }
}

#[test]
fn columns_have_types_also_where_there_are_no_rows() {
    let nothing = ["samples/apache-telnet.pcap", "--server", "192.0.2.1"];
    let reader = parquet(&nothing);
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    let schema = reader.metadata().file_metadata().schema_descr();
    let times = schema.columns().iter().filter(|column| {
        let nanoseconds = LogicalType::timestamp(true, TimeUnit::NANOS);
        column.logical_type_ref() == Some(&nanoseconds)
    });
    let times: Vec<&str> = times.map(|column| column.name()).collect();
    assert_eq!(times, ["start", "end", "close_time"]);
    let columns = columns(&reader);
    let of_type = |wanted| -> Vec<&str> {
        let columns = columns.iter().filter(|(_, of)| *of == wanted);
        columns.map(|(name, _)| name.as_str()).collect()
    };
    assert_eq!(
        of_type(Type::DOUBLE),
        [
            "duration_s",
            "rtt_s",
            "timeout_s",
            "idle_max_s",
            "idle_last_s"
        ]
    );
    assert_eq!(
        of_type(Type::BOOLEAN),
        ["complete", "handshake", "simultaneous"]
    );
    assert_eq!(
        of_type(Type::BYTE_ARRAY),
        [
            "capture",
            "client_ip",
            "server_ip",
            "protocol",
            "http_version",
            "client_asks",
            "server_says",
            "closed_by",
            "close_kind",
            "close_cause",
            "verdict",
            "unknown_because",
            "findings"
        ]
    );
}

#[test]
fn many_rows_are_written_in_groups_and_all_are_there() {
    let connections = 20_000;
    let plan = traffic::Plan {
        profile: traffic::Profile::Churn,
        connections,
        seed: 6,
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("churn.pcap");
    let mut file = std::io::BufWriter::new(File::create(&path).unwrap());
    traffic::write(&plan, &mut file).unwrap();
    drop(file);
    let reader = parquet(&[path.to_str().unwrap()]);
    let groups = reader.metadata().row_groups();
    let rows: Vec<i64> = groups.iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(rows, [16_384, 20_000 - 16_384]);
    for (stream, row) in (0..).zip(reader.get_row_iter(None).unwrap()) {
        let row = row.unwrap();
        let cell = |wanted| row.get_column_iter().find(|(name, _)| *name == wanted);
        assert_eq!(cell("stream").unwrap().1, &Field::Long(stream));
        assert_eq!(cell("verdict").unwrap().1, &Field::Str("ok".to_owned()));
    }
}

#[test]
fn partial_results_give_the_same_octets() {
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("part");
    let part = part.to_str().unwrap();
    let (_one, run) = written(&["samples", "--part", part], "parquet");
    let (_other, merged) = written(&["merge", part], "parquet");
    assert_eq!(fs::read(run).unwrap(), fs::read(merged).unwrap());
    assert!(Path::new(part).exists());
}
