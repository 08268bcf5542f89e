use std::path::{Path, PathBuf};
use std::process::Command;

use epcis::DocumentKind;

/// Validates XML against the schema for its kind, by libxml2's own program.
pub fn validate(xsd: &Path, documents: &[(String, DocumentKind)]) {
    let folder = tempfile::tempdir().expect("a folder");
    let schemas = [
        ("EPCglobal-epcis-2_0.xsd", vec![DocumentKind::Events, DocumentKind::Event]),
        ("EPCglobal-epcis-query-2_0.xsd", vec![DocumentKind::QueryResults]),
        ("EPCglobal-epcis-masterdata-2_0.xsd", vec![DocumentKind::MasterData]),
    ];
    for (schema, kinds) in schemas {
        let mut paths: Vec<PathBuf> = Vec::new();
        for (i, (xml, _)) in documents.iter().enumerate().filter(|(_, (_, kind))| kinds.contains(kind)) {
            let path = folder.path().join(format!("{i}.xml"));
            std::fs::write(&path, xml).expect("a written file");
            paths.push(path);
        }
        if paths.is_empty() {
            continue;
        }
        let mut command = Command::new("xmllint");
        command.args(["--noout", "--nonet", "--schema"]).arg(xsd.join(schema)).args(&paths);
        let output = command.output().expect("xmllint of libxml2-utils");
        assert!(output.status.success(), "{schema}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The canonical form of XML, space between elements left out.
pub fn canonical_xml(xml: &str) -> String {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    std::io::Write::write_all(&mut file, xml.as_bytes()).expect("a written file");
    let mut command = Command::new("xmllint");
    let output =
        command.args(["--nonet", "--noblanks", "--c14n"]).arg(file.path()).output().expect("xmllint");
    String::from_utf8(output.stdout).expect("UTF-8")
}
