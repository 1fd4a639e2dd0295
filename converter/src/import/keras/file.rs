//! The file: where configuration and weights lie in it.

use std::collections::HashMap;
use std::io::{Cursor, Read as _};

use hdf5_reader::Hdf5File;
use hdf5_reader::group::Group;
use serde_json::Value;
use zip::ZipArchive;

use crate::Failure;

/// The most bytes that one weight may have.
const MAX_BYTES: u64 = 1 << 31;

/// How many times the archive's size a file in it may become: weights hardly become smaller when they are packed, and what
/// becomes much larger means harm.
const MAX_GROWTH: u64 = 64;

/// The deepest groups that are looked into: Keras nests layers in layers.
const MAX_DEPTH: usize = 16;

pub(crate) fn is_hdf5(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89HDF\r\n\x1a\n")
}

pub(crate) fn is_keras(name: &str, bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") && name.to_ascii_lowercase().ends_with(".keras")
}

/// One array of weights: its place in its layer's group, its dimensions and elements.
struct Weight {
    path: String,
    dims: Vec<usize>,
    values: Vec<f32>,
}

/// The weights of each layer.
#[derive(Default)]
pub(super) struct Weights {
    /// Whether Keras 2 wrote the file, some of whose functions are others.
    pub(super) is_keras_2: bool,
    layers: HashMap<String, Vec<Weight>>,
}

impl Weights {
    /// Dimensions and elements of the weights whose name ends in `role`, or which are the ones of this number, among those
    /// with a part of their path that begins with `part`. `owner` is the layer, after the models that it lies in.
    pub(super) fn get(
        &self,
        owner: &[String],
        part: &str,
        role: &str,
        number: Option<usize>,
    ) -> Option<(Vec<usize>, Vec<f32>)> {
        let outer = owner.first()?;
        // A name with `/` in it made groups in groups.
        let (weights, rest) = match (self.layers.get(outer), outer.split_once('/')) {
            (Some(weights), _) => (weights, ""),
            (None, Some((first, rest))) => (self.layers.get(first)?, rest),
            (None, None) => return None,
        };
        let last = |path: &str| path.rsplit('/').next().and_then(|n| n.split(':').next()).map(str::to_owned);
        let number = number.map(|n| n.to_string());
        // Paths begin with the names of all models around the layer, or of some.
        (0..owner.len().max(2)).find_map(|from| {
            let names = owner.get(from..).unwrap_or_default().join("/");
            let fits = |w: &&Weight| {
                let path = inside(w.path.trim_start_matches('/'), rest).and_then(|path| inside(path, &names));
                path.is_some_and(|path| part.is_empty() || path.split('/').any(|p| p.starts_with(part)))
                    && last(&w.path).is_some_and(|name| name == role || Some(&name) == number.as_ref())
            };
            weights.iter().find(fits).map(|w| (w.dims.clone(), w.values.clone()))
        })
    }
}

/// What follows the group `name` in a path.
fn inside<'p>(path: &'p str, name: &str) -> Option<&'p str> {
    if name.is_empty() { Some(path) } else { path.strip_prefix(name)?.strip_prefix('/') }
}

/// The configuration and the weights. The reader of HDF5 does not check all of its arithmetic: a damaged file that makes
/// it panic is refused like one that it refuses itself.
pub(super) fn open(name: &str, bytes: &[u8]) -> Result<(Value, Weights), Failure> {
    std::panic::catch_unwind(|| read(name, bytes)).unwrap_or_else(|_| {
        Err(Failure::new(format!("'{name}' is damaged")).help("make sure that the file was copied whole"))
    })
}

fn read(name: &str, bytes: &[u8]) -> Result<(Value, Weights), Failure> {
    let bad = |what: &str| {
        Failure::new(format!("'{name}' {what}"))
            .help("save the whole model with model.save(), and make sure that the file was copied whole")
    };
    let json = |text: &[u8]| {
        serde_json::from_slice(text).map_err(|e| bad("has a configuration that is no JSON").cause(e))
    };
    if !is_hdf5(bytes) {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| bad("is no archive").cause(e))?;
        let most = (bytes.len() as u64).saturating_mul(MAX_GROWTH);
        let config = entry(&mut archive, most, "config.json").map_err(|what| bad(&what))?;
        let weights = entry(&mut archive, most, "model.weights.h5").map_err(|what| bad(&what))?;
        let file =
            Hdf5File::from_vec(weights).map_err(|e| bad("has weights that cannot be read").cause(e))?;
        let layers = file.group("/layers").map_err(|e| bad("has no weights of layers").cause(e))?;
        let mut weights = Weights::default();
        for group in layers.groups().map_err(|e| bad("has layers that cannot be read").cause(e))? {
            let found = weights.layers.entry(name_of(&group)).or_default();
            collect(&group, "", found, 0).map_err(|e| bad("has weights that cannot be read").cause(e))?;
        }
        return Ok((json(&config)?, weights));
    }
    let file = Hdf5File::from_bytes(bytes).map_err(|e| bad("cannot be read").cause(e))?;
    let config =
        file.root_group().and_then(|root| root.attribute("model_config")).and_then(|a| a.read_string());
    let config = config.map_err(|e| bad("has no configuration, only weights").cause(e))?;
    let version =
        file.root_group().and_then(|root| root.attribute("keras_version")).and_then(|a| a.read_string());
    let is_keras_2 = version.map_or(true, |version| version.starts_with("2."));
    let mut weights = Weights { is_keras_2, ..Weights::default() };
    let layers = file.group("/model_weights").map_err(|e| bad("has no weights").cause(e))?;
    for group in layers.groups().map_err(|e| bad("has layers that cannot be read").cause(e))? {
        let found = weights.layers.entry(group.name().to_owned()).or_default();
        collect(&group, "", found, 0).map_err(|e| bad("has weights that cannot be read").cause(e))?;
    }
    Ok((json(config.as_bytes())?, weights))
}

/// A file of the archive.
fn entry(archive: &mut ZipArchive<Cursor<&[u8]>>, most: u64, name: &str) -> Result<Vec<u8>, String> {
    let file = archive.by_name(name).map_err(|e| format!("has no {name}: {e}"))?;
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| format!("has a {name} that cannot be read: {e}"))?;
    if bytes.len() as u64 > most {
        return Err(format!("has a {name} that becomes larger than {most} bytes"));
    }
    Ok(bytes)
}

/// What the layer of a group is called, where a `.keras` file says so; the group's name otherwise.
fn name_of(group: &Group) -> String {
    let named =
        group.group("vars").and_then(|vars| vars.attribute("name")).and_then(|name| name.read_string());
    named.unwrap_or_else(|_| group.name().to_owned())
}

fn collect(
    group: &Group,
    path: &str,
    found: &mut Vec<Weight>,
    depth: usize,
) -> hdf5_reader::error::Result<()> {
    if depth > MAX_DEPTH {
        return Ok(());
    }
    let (groups, datasets) = group.members()?;
    for dataset in datasets {
        let dims: Option<Vec<usize>> = dataset.shape().iter().map(|&d| usize::try_from(d).ok()).collect();
        let count = dims.as_ref().and_then(|d| d.iter().try_fold(1u64, |n, &d| n.checked_mul(d as u64)));
        let (Some(dims), true) = (dims, count.is_some_and(|n| n <= MAX_BYTES / 4)) else { continue };
        // Counters of optimizers and random seeds are no real numbers.
        let Ok(array) = dataset.read_array::<f32>() else { continue };
        let path = format!("{path}/{}", dataset.name());
        found.push(Weight { path, dims, values: array.iter().copied().collect() });
    }
    for inner in groups {
        // A model's layers lie in a group of their own, called after their classes.
        let path = match (inner.name(), group.name()) {
            ("layers", _) => path.to_owned(),
            (_, "layers") => format!("{path}/{}", name_of(&inner)),
            (name, _) => format!("{path}/{name}"),
        };
        collect(&inner, &path, found, depth + 1)?;
    }
    Ok(())
}
