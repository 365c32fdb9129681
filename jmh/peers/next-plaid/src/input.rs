//! The input folder, the clock and the line of a measurement: the same as `common.py`.
use half::f16;
use ndarray::Array2;
use npyz::{NpyFile, WriterBuilder};
use serde_json::{json, Value};
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub struct Input(PathBuf);

impl Input {
    pub fn open(folder: &str) -> Self {
        Input(folder.into())
    }

    /// Each passage's token embeddings, [doclen, dim].
    pub fn passages(&self) -> Result<Vec<Array2<f32>>> {
        let (shape, values) = floats(self.0.join("embeddings.npy"))?;
        let doclens: Vec<i32> = open(self.0.join("doclens.npy"))?.into_vec()?;
        let dim = shape[1];
        let mut rest = values.as_slice();
        let mut passages = Vec::with_capacity(doclens.len());
        for doclen in doclens {
            let (rows, after) = rest.split_at(doclen as usize * dim);
            passages.push(Array2::from_shape_vec((doclen as usize, dim), rows.to_vec())?);
            rest = after;
        }
        Ok(passages)
    }

    /// The numbers of the queries that are searched: all, or with QUERIES so many, evenly spread.
    pub fn searched(&self) -> Result<Vec<usize>> {
        let all = open(self.0.join("queries.npy"))?.shape()[0] as usize;
        let count = setting("QUERIES", all).min(all);
        Ok((0..count).map(|i| i * all / count).collect())
    }

    /// The rows of each query of `searched` without the zeros that fill them up, [rows, dim].
    pub fn queries(&self) -> Result<Vec<Array2<f32>>> {
        let (shape, values) = floats(self.0.join("queries.npy"))?;
        let (rows, dim) = (shape[1], shape[2]);
        self.searched()?
            .into_iter()
            .map(|q| {
                let first = q * rows * dim;
                let query = &values[first..first + rows * dim];
                let last = query.iter().rposition(|&x| x != 0.0).unwrap_or(0);
                let used = last / dim + 1;
                Ok(Array2::from_shape_vec((used, dim), query[..used * dim].to_vec())?)
            })
            .collect()
    }
}

/// A number of the environment.
pub fn setting(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}

/// Passage numbers, int32 [queries, k]; -1 from where there were no more.
pub fn save_hits(hits: &[Vec<i64>], k: usize, file: &Path) -> Result<()> {
    let mut out = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&[hits.len() as u64, k as u64])
        .writer(BufWriter::new(File::create(file)?))
        .begin_nd()?;
    for found in hits {
        let padded = found.iter().map(|&p| p as i32).chain(std::iter::repeat(-1));
        out.extend(padded.take(k))?;
    }
    Ok(out.finish()?)
}

fn open(path: PathBuf) -> Result<NpyFile<BufReader<File>>> {
    let file = File::open(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(NpyFile::new(BufReader::with_capacity(1 << 20, file))?)
}

fn floats(path: PathBuf) -> Result<(Vec<usize>, Vec<f32>)> {
    let npy = open(path)?;
    let shape = npy.shape().iter().map(|&n| n as usize).collect();
    let wide = npy.dtype().descr().contains("f4");
    let values = if wide {
        npy.into_vec::<f32>()?
    } else {
        npy.data::<f16>()?.map(|x| x.map(f16::to_f32)).collect::<std::io::Result<_>>()?
    };
    Ok((shape, values))
}

/// What a query took, the best of all passes, and the passages it found.
pub struct Timings {
    millis: Vec<f64>,
    /// A query's mean of all threads in the best pass: on a busy machine it says more than the wall clock.
    cpu_millis: f64,
    hits: Vec<Vec<i64>>,
}

impl Timings {
    /// Three passes, fewer where another would end past SECONDS (40), after ten queries to warm up, fewer where they take a
    /// quarter of that.
    pub fn measure(
        queries: &[Array2<f32>],
        search: impl Fn(&Array2<f32>) -> Result<Vec<i64>>,
    ) -> Result<Self> {
        let budget = setting("SECONDS", 40) as f64;
        let begin = Instant::now();
        for query in queries.iter().take(10) {
            search(query)?;
            if begin.elapsed().as_secs_f64() > budget / 4.0 {
                break;
            }
        }
        let begin = Instant::now();
        let mut timings = Timings {
            millis: vec![f64::INFINITY; queries.len()],
            cpu_millis: f64::INFINITY,
            hits: vec![],
        };
        for pass in 0..3 {
            let until_next = begin.elapsed().as_secs_f64() * (pass + 1) as f64 / pass.max(1) as f64;
            if pass > 0 && until_next > budget {
                break;
            }
            timings.hits.clear();
            let start_cpu = cpu_seconds();
            for (q, query) in queries.iter().enumerate() {
                let start = Instant::now();
                timings.hits.push(search(query)?);
                timings.millis[q] = timings.millis[q].min(start.elapsed().as_secs_f64() * 1e3);
            }
            let cpu = (cpu_seconds() - start_cpu) * 1e3 / queries.len() as f64;
            timings.cpu_millis = timings.cpu_millis.min(cpu);
        }
        Ok(timings)
    }

    /// Appends the line of a measurement of the queries of these numbers to `raw`; the hits go to an NPY file beside it.
    pub fn append(
        &self,
        raw: &str,
        build: Value,
        k: usize,
        settings: &str,
        searched: &[usize],
        batch: Option<f64>,
    ) -> Result<()> {
        let mut line = build;
        let label = format!("{} {} {k} {} {settings}", line["engine"], line["nbits"], threads());
        let name: String = label.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        let file = PathBuf::from(raw).with_file_name(format!("{name}.npy"));
        save_hits(&self.hits, k, &file)?;
        line["k"] = json!(k);
        line["threads"] = json!(threads());
        line["settings"] = json!(settings);
        line["searched"] = json!(searched);
        line["millis"] = json!(self.millis);
        line["cpu_millis"] = json!(self.cpu_millis);
        if let Some(seconds) = batch {
            line["batch_seconds"] = json!(seconds);
        }
        line["hits"] = json!(file.file_name().unwrap().to_string_lossy());
        let mut out = OpenOptions::new().create(true).append(true).open(raw)?;
        writeln!(out, "{line}")?;
        let median = {
            let mut sorted = self.millis.clone();
            sorted.sort_by(f64::total_cmp);
            sorted[sorted.len() / 2]
        };
        eprintln!("{label}: p50 {median:.2} ms");
        Ok(())
    }
}

/// As many as Tartan takes by default.
pub fn centroids(tokens: usize) -> usize {
    1 << (16.0 * (tokens as f64).sqrt()).log2().floor() as u32
}

pub fn threads() -> usize {
    setting("RAYON_NUM_THREADS", 0)
}

pub fn folder_bytes(path: &str) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

/// The most memory this process has had resident so far, in bytes.
pub fn peak_rss() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).ok_or("no VmHWM")?.parse::<u64>()? * 1024)
}

/// User and system time of all threads of this process so far.
pub fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
