//! The key that signs checkpoints: made once, kept beside the data, readable by its owner only.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use base::Entropy;
use merkle::SignerKey;

use crate::{Config, Error, SystemEntropy, file_error};

pub fn path(config: &Config) -> PathBuf {
    config.data.join("signing.key")
}

/// Reads the key of the installation, and makes it the first time.
pub fn signer(config: &Config) -> Result<SignerKey, Error> {
    store::file::make_folder(&config.data).map_err(|error| file_error(&config.data, &error))?;
    let path = path(config);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let key = SignerKey::parse(text.trim())?;
            if key.verifier().name() != config.name {
                let name = key.verifier().name();
                return Err(Error::Config(format!(
                    "{} belongs to {name}, not to {}",
                    path.display(),
                    config.name
                )));
            }
            Ok(key)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = SignerKey::from_seed(&config.name, SystemEntropy::new().secret())?;
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .map_err(|error| file_error(&path, &error))?;
            let written = writeln!(file, "{}", key.to_secret_text()).and_then(|()| file.sync_all());
            let kept = written.and_then(|()| store::file::sync_folder_of(&path));
            kept.map_err(|error| file_error(&path, &error))?;
            Ok(key)
        }
        Err(error) => Err(file_error(&path, &error)),
    }
}
