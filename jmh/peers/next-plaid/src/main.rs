//! Builds and searches next-plaid indexes through the crate's public interface; the measurements are what
//! `jmh/peers/README.md` describes. Threads are those of rayon: set RAYON_NUM_THREADS.
//!
//!     drive-next-plaid build INPUT WORK BITS...
//!     drive-next-plaid exhaustive INPUT WORK BITS
//!     drive-next-plaid search INPUT WORK BITS K RAW
//!     drive-next-plaid states FOLDER
mod input;
mod states;

use input::{Input, Timings};
use ndarray::Array2;
use next_plaid::index::create_index_files;
use next_plaid::{compute_kmeans, ComputeKmeansConfig, IndexConfig, MmapIndex, SearchParameters};
use serde_json::{json, Value};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

const EXHAUSTIVE_K: usize = 1000;

/// Of all queries at once, the best of which counts.
const BATCH_PASSES: usize = 3;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["build", input, work, bits @ ..] if !bits.is_empty() => build(input, work, bits),
        ["exhaustive", input, work, bits] => exhaustive(input, work, bits),
        ["search", input, work, bits, k, raw] => search(input, work, bits, k.parse()?, raw),
        ["states", folder] => states::make(folder),
        _ => {
            eprintln!("usage: drive-next-plaid build INPUT WORK BITS... | exhaustive INPUT WORK BITS | search INPUT WORK BITS K RAW | states FOLDER");
            std::process::exit(2)
        }
    }
}

fn index_path(work: &str, bits: &str) -> String {
    format!("{work}/next-plaid-{bits}")
}

/// One k-means for all bit widths, since it does not depend on them; each build is charged for it.
fn build(input: &str, work: &str, all_bits: &[&str]) -> Outcome {
    let passages = Input::open(input).passages()?;
    let tokens: usize = passages.iter().map(|p| p.nrows()).sum();
    let start = Instant::now();
    let start_cpu = input::cpu_seconds();
    let sample = input::setting("SAMPLE", 32);
    let config = ComputeKmeansConfig {
        num_partitions: Some(input::centroids(tokens)),
        max_points_per_centroid: sample,
        ..Default::default()
    };
    let centroids = compute_kmeans(&passages, &config)?;
    let kmeans = start.elapsed().as_secs_f64();
    let kmeans_cpu = input::cpu_seconds() - start_cpu;
    for bits in all_bits {
        let path = index_path(work, bits);
        let _ = fs::remove_dir_all(&path);
        let config = IndexConfig { nbits: bits.parse()?, ..Default::default() };
        let start = Instant::now();
        let start_cpu = input::cpu_seconds();
        create_index_files(&passages, centroids.clone(), &path, &config)?;
        let rest = start.elapsed().as_secs_f64();
        let rest_cpu = input::cpu_seconds() - start_cpu;
        let bytes = input::folder_bytes(&path)?;
        drop(MmapIndex::load(&path)?); // merges the chunks into further files, which searches read
        let line = json!({
            "engine": "next-plaid", "version": version(), "nbits": bits.parse::<u32>()?,
            "centroids": centroids.nrows(), "tokens": tokens, "sample": sample * centroids.nrows(), "build_threads": input::threads(),
            "build_seconds": kmeans + rest, "build_cpu_seconds": kmeans_cpu + rest_cpu,
            "kmeans_seconds": kmeans, "kmeans_cpu_seconds": kmeans_cpu,
            "build_peak_rss": input::peak_rss()?, "index_bytes": bytes,
            "index_bytes_opened": input::folder_bytes(&path)?,
        });
        fs::write(format!("{path}.build.json"), line.to_string())?;
        eprintln!("{line}");
    }
    Ok(())
}

fn search(input: &str, work: &str, bits: &str, k: usize, raw: &str) -> Outcome {
    let path = index_path(work, bits);
    let build: Value = serde_json::from_str(&fs::read_to_string(format!("{path}.build.json"))?)?;
    let index = MmapIndex::load(&path)?;
    let input = Input::open(input);
    let (queries, searched) = (input.queries()?, input.searched()?);
    for params in sweep(k) {
        let timings = Timings::measure(&queries, |query: &Array2<f32>| {
            Ok(index.search(query, &params, None)?.passage_ids)
        })?;
        let mut batch = None; // with one thread it is what single queries are
        if input::threads() > 1 {
            let mut best = f64::INFINITY;
            for _ in 0..BATCH_PASSES {
                let start = Instant::now();
                index.search_batch(&queries, &params, true, None)?;
                best = best.min(start.elapsed().as_secs_f64());
            }
            batch = Some(best);
        }
        let threshold = params.centroid_score_threshold.map_or("none".into(), |t| t.to_string());
        let settings = format!(
            "probe {}, full {}, threshold {threshold}",
            params.n_ivf_probe, params.n_full_scores
        );
        timings.append(raw, build.clone(), k, &settings, &searched, batch)?;
    }
    Ok(())
}

/// What the index itself ranks best: all lists are probed and all passages scored exactly.
fn exhaustive(input: &str, work: &str, bits: &str) -> Outcome {
    let path = index_path(work, bits);
    let index = MmapIndex::load(&path)?;
    let params = SearchParameters {
        top_k: EXHAUSTIVE_K,
        n_ivf_probe: index.num_partitions(),
        n_full_scores: 4 * index.num_documents(),
        centroid_score_threshold: None,
        ..Default::default()
    };
    let queries = Input::open(input).queries()?;
    let start = Instant::now();
    let found = queries.iter().map(|query| Ok(index.search(query, &params, None)?.passage_ids));
    let hits = found.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let millis = start.elapsed().as_secs_f64() * 1e3 / queries.len() as f64;
    eprintln!("next-plaid {bits} exhaustive: {millis:.1} ms a query");
    input::save_hits(&hits, EXHAUSTIVE_K, Path::new(&format!("{path}.exhaustive.npy")))
}

/// The defaults of the crate first, then from coarse to fine.
fn sweep(k: usize) -> Vec<SearchParameters> {
    let defaults = SearchParameters { top_k: k, ..Default::default() };
    let points: &[(usize, usize)] = match k {
        0..=10 => &[(1, 64), (2, 128), (2, 256), (4, 512), (8, 1024), (16, 2048), (32, 8192)],
        11..=100 => &[(2, 512), (4, 1024), (8, 2048), (16, 4096), (32, 8192)],
        _ => &[(4, 4096), (8, 8192), (32, 16384)],
    };
    let mut all = vec![defaults.clone()];
    all.extend(points.iter().map(|&(n_ivf_probe, n_full_scores)| SearchParameters {
        n_ivf_probe,
        n_full_scores,
        centroid_score_threshold: None,
        ..defaults.clone()
    }));
    all
}

/// As in the lock file, so that it is the version that was linked.
fn version() -> String {
    let lock = include_str!("../Cargo.lock");
    let entry = lock.split("name = \"next-plaid\"").nth(1).unwrap_or("");
    let version = entry.split('"').nth(1).unwrap_or("?");
    let blas = if cfg!(feature = "openblas") { " openblas" } else { "" };
    format!("{version}{blas}")
}
