//! Small indexes in every state that one can be in, for the tests of `tartan import`; see `../../foreign_indexes.py`, which
//! makes their input.
use crate::input::Input;
use ndarray::Array2;
use next_plaid::{filtering, IndexConfig, MmapIndex, SearchParameters, UpdateConfig};
use serde_json::{json, Value};
use std::error::Error;
use std::fs;
use std::ops::Range;
use std::path::Path;

type Outcome = Result<(), Box<dyn Error>>;

const FIRST: usize = 70;
const STRANGE: usize = 80;
const BATCH: usize = 30;
const DELETED: [i64; 5] = [3, 40, 41, 68, 75];

/// `fresh`, `buffered`, `expanded` and `deleted`, each with the ten best of every query when all is scored.
pub fn make(folder: &str) -> Outcome {
    let input = Input::open(folder);
    let passages = input.passages()?;
    let queries = input.queries()?;

    let fresh = state(folder, "fresh")?;
    create(&fresh, &passages[..FIRST], 4)?;
    filtering::create(&fresh, &metadata(0..FIRST), &(0..FIRST as i64).collect::<Vec<_>>())?;
    save_expected(&fresh, &queries)?;

    let buffered = state(folder, "buffered")?;
    create(&buffered, &passages[..FIRST], 2)?.update(&passages[FIRST..STRANGE], &update(100))?;
    save_expected(&buffered, &queries)?;

    let expanded = state(folder, "expanded")?;
    create(&expanded, &passages[..FIRST], 4)?.update(&passages[FIRST..], &update(20))?;
    save_expected(&expanded, &queries)?;

    let deleted = state(folder, "deleted")?;
    let mut index = create(&deleted, &passages[..FIRST], 4)?;
    index.update(&passages[FIRST..], &update(20))?;
    let all = passages.len();
    filtering::create(&deleted, &metadata(0..all), &(0..all as i64).collect::<Vec<_>>())?;
    index.delete(&DELETED)?;
    drop(index);
    save_expected(&deleted, &queries)
}

fn state(folder: &str, name: &str) -> Result<String, Box<dyn Error>> {
    let path = format!("{folder}/next-plaid-{name}");
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path)?;
    Ok(format!("{path}/index"))
}

fn create(path: &str, passages: &[Array2<f32>], nbits: usize) -> Result<MmapIndex, Box<dyn Error>> {
    let config = IndexConfig { nbits, batch_size: BATCH, start_from_scratch: 0, ..Default::default() };
    Ok(MmapIndex::create_with_kmeans(passages, path, &config)?)
}

fn update(buffer_size: usize) -> UpdateConfig {
    UpdateConfig { batch_size: BATCH, start_from_scratch: 0, buffer_size, ..Default::default() }
}

fn metadata(documents: Range<usize>) -> Vec<Value> {
    documents
        .map(|d| json!({"name": format!("title {d}"), "year": 1990 + d, "share": d as f64 / 8.0, "tags": ["a", d.to_string()], "even": d % 2 == 0}))
        .collect()
}

fn save_expected(path: &str, queries: &[Array2<f32>]) -> Outcome {
    let index = MmapIndex::load(path)?;
    let params = SearchParameters {
        n_ivf_probe: index.num_partitions(),
        n_full_scores: 4 * index.num_documents(),
        centroid_score_threshold: None,
        ..Default::default()
    };
    let mut all = Vec::new();
    for query in queries {
        let found = index.search(query, &params, None)?;
        let hits = found.passage_ids.iter().zip(&found.scores);
        all.push(hits.map(|(id, score)| json!([id.to_string(), score])).collect::<Vec<_>>());
    }
    let file = Path::new(path).with_file_name("expected.json");
    Ok(fs::write(file, format!("{}\n", json!(all)))?)
}
