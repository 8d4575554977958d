"""Audits a folder of capture sets on Apache Spark.

In: a folder in which every entry is a capture set: a capture, or a folder with the captures of one point, which one
process reads. Out, in another folder: `parts`, a partial result of each set; `connections` and `servers`, the rows as
Parquet; `sets`, how it went with each set.

keepcap does the work, one process a set; Spark decides where, and what is done once more. A set that is done twice
writes the same partial result to the same place, whole or not at all.
"""

import argparse
import hashlib
import os
import pathlib
import subprocess
import tempfile

import pandas
from pyspark.sql import SparkSession, functions

# The record of a connection, as keepcap --format ndjson writes it.
CONNECTION = """
    capture string, stream long, client_ip string, client_port int, server_ip string, server_port int,
    protocol string, first_frame long, start string, end string, duration_s double,
    packets long, client_bytes long, server_bytes long, complete boolean, handshake boolean, rtt_s double,
    missing_bytes long, tcp_keepalives long, requests long, responses long, unanswered long,
    http_version string, client_asks string, server_says string, timeout_s long, max long,
    idle_gaps_s array<double>, idle_max_s double, idle_last_s double,
    closed_by string, close_kind string, close_frame long, close_time string, simultaneous boolean,
    close_cause string, verdict string, unknown_because string,
    limited array<struct<what string, amount long>>,
    findings array<struct<rule string, level string, side string, frame long, frames array<long>,
        time string, message string>>
"""

# What comes of a set: its connections, a record a row, and a last row without one that tells how it went.
YIELD = "path string, status int, messages string, record string"

# So many connections go to Spark at once.
BATCH = 10_000

DONE, FAIL_ON, NOTHING, INCOMPLETE = 0, 1, 2, 3


def audit_set(path, keepcap, options, parts):
    """Runs keepcap on a set and yields what comes of it."""
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
    part = os.path.join(parts, f"{name}.part")
    command = [keepcap, "--format", "ndjson", "--part", part, *options, "--", path]
    with tempfile.TemporaryFile() as messages:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages, text=True) as process:
            records = []
            for line in process.stdout:
                records.append(line)
                if len(records) == BATCH:
                    yield frame(path, records)
                    records = []
            yield frame(path, records)
        messages.seek(0)
        said = messages.read().decode()
    if process.returncode not in (DONE, FAIL_ON, INCOMPLETE) and not os.path.exists(part):
        raise RuntimeError(f"{path}: keepcap ended with {process.returncode}: {said}")
    yield frame(path, [None], process.returncode, said)


def frame(path, records, status=None, messages=None):
    row = {"path": path, "status": status, "messages": messages}
    rows = [{**row, "record": record} for record in records]
    return pandas.DataFrame(rows, columns=["path", "status", "messages", "record"], dtype=object)


def audit(spark, captures, out, keepcap="keepcap", options=()):
    """Audits the sets in the folder `captures`; all paths are seen by every machine."""
    sets = sorted(entry.path for entry in os.scandir(captures))
    parts = os.path.join(out, "parts")
    os.makedirs(parts, exist_ok=True)

    def run(frames):
        for some in frames:
            for path in some["path"]:
                yield from audit_set(path, keepcap, list(options), parts)

    # A task a set: sets differ much in size, and a task that is lost costs no more than one.
    table = spark.createDataFrame([(path,) for path in sets], "path string")
    table = table.repartitionByRange(max(len(sets), 1), "path")
    rows = table.mapInPandas(run, YIELD).persist()
    of_record = functions.from_json("record", CONNECTION).alias("record")
    connections = rows.where("record is not null").select(of_record).select("record.*")
    connections.write.mode("overwrite").parquet(os.path.join(out, "connections"))
    of_sets = rows.where("record is null").select("path", "status", "messages")
    of_sets.write.mode("overwrite").parquet(os.path.join(out, "sets"))
    rows.unpersist()
    write_servers(spark, out, keepcap)


def write_servers(spark, out, keepcap):
    """What no set tells alone: unites the partial results."""
    servers = os.path.join(out, "servers.ndjson")
    parts = sorted(str(part) for part in pathlib.Path(out, "parts").glob("*.part"))
    command = [keepcap, "merge", "--by", "server", "--format", "ndjson", "-o", servers, "--quiet"]
    listed = "\0".join(parts).encode()
    merged = subprocess.run([*command, "--files-from", "-", "-0"], input=listed, check=False)
    if merged.returncode not in (DONE, INCOMPLETE):
        raise RuntimeError(f"keepcap merge ended with {merged.returncode}")
    spark.read.json(servers).write.mode("overwrite").parquet(os.path.join(out, "servers"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captures", help="the folder of capture sets")
    parser.add_argument("out", help="the folder for the results")
    parser.add_argument("--keepcap", default="keepcap", help="the program, where every machine finds it")
    parser.add_argument("options", nargs="*", help="options for keepcap, behind --")
    arguments = parser.parse_args()
    spark = SparkSession.builder.appName("keepcap").getOrCreate()
    audit(spark, arguments.captures, arguments.out, arguments.keepcap, arguments.options)
    spark.stop()


if __name__ == "__main__":
    main()
