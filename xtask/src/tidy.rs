//! Checks of the tree that no compiler makes: file lengths, module headers, one-way arrows, commands of the README, tests
//! of the table of conformance.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// A file longer than this is named; one longer than [`MOST_LINES`] is refused.
const MANY_LINES: usize = 400;
const MOST_LINES: usize = 800;

/// Which layers each layer may stand on; what is not named here may not depend on a layer at all.
const ARROWS: &[(&str, &str)] = &[
    ("config", ""),
    ("schema", ""),
    ("object", "schema"),
    ("pki", "config"),
    ("store", ""),
    // Apart from the API server because its parser is slow to build.
    ("cel", ""),
    ("apiserver", "config schema object store pki cel"),
    ("client", "object pki"),
    ("scheduler", "object client"),
    ("controllers", "object client pki"),
    ("kubelet", "config object client pki"),
    ("network", "config client"),
    ("simulator", "config client"),
    ("node", "config schema object pki store apiserver client scheduler controllers kubelet network simulator"),
    ("launcher", "config object pki client simulator"),
    ("agent", "object client scheduler launcher"),
];

/// Checks the whole workspace and prints what it finds; fails when something is an error.
pub(crate) fn run(workspace: &Path) -> Result<()> {
    let mut findings = Vec::new();
    for file in files(workspace, |file| file.extension().is_some_and(|extension| extension == "rs"))? {
        let (name, text) = (shown(workspace, &file), read(&file)?);
        if text.lines().count() > MANY_LINES {
            eprintln!("warning: {name} has more than {MANY_LINES} lines");
        }
        findings.extend(check_source(&name, &text));
    }
    for manifest in manifests(workspace)? {
        let layer = manifest.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        findings.extend(check_arrows(&layer, &read(&manifest)?));
    }
    let (readme, makefile) = (workspace.join("README.md"), workspace.join("Makefile"));
    if readme.exists() {
        findings.extend(check_commands(&read(&readme)?, &read(&makefile)?));
    }
    let table = read(&workspace.join("docs/CONFORMANCE.md"))?;
    findings.extend(check_tests(&table, |file| {
        let folder = if file.starts_with("tests/") { workspace.to_owned() } else { workspace.join("cluster-core") };
        std::fs::read_to_string(folder.join(file)).ok()
    }));
    for finding in &findings {
        eprintln!("error: {finding}");
    }
    if !findings.is_empty() {
        bail!("{} faults found", findings.len());
    }
    Ok(())
}

/// Length and header of a source file.
fn check_source(name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        findings.push(format!("{name} has {lines} lines, more than {MOST_LINES}"));
    }
    if !text.starts_with("//! ") {
        findings.push(format!("{name} does not begin with `//!` and what the module owns"));
    }
    findings
}

/// The layers a manifest depends on, against those it may; tests may reach further.
fn check_arrows(layer: &str, manifest: &str) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == layer) else {
        return vec![format!("cluster-core/{layer} is no layer that `cargo xtask tidy` knows")];
    };
    let forbidden = dependencies(manifest).filter(|found| allowed.split(' ').all(|one| one != *found));
    forbidden.map(|found| format!("cluster-core/{layer} must not depend on cluster-{found}")).collect()
}

/// The `cluster-*` crates among the dependencies of a manifest, those of targets and builds included.
fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    let mut in_dependencies = false;
    manifest.lines().map(str::trim).filter_map(move |line| {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]") && !line.contains("dev-dependencies");
        }
        let name = line.strip_prefix("cluster-").filter(|_| in_dependencies)?;
        name.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next()
    })
}

/// Every `make TARGET` that the README shows must be a rule of the Makefile.
fn check_commands(readme: &str, makefile: &str) -> Vec<String> {
    let rules: Vec<&str> = makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', '#', '.']))
        .filter_map(|line| line.split_once(':').filter(|(_, rest)| !rest.starts_with('=')))
        .flat_map(|(names, _)| names.split_whitespace())
        .collect();
    let mut missing: Vec<&str> = make_targets(readme).filter(|target| !rules.contains(target)).collect();
    missing.sort_unstable();
    missing.dedup();
    missing
        .into_iter()
        .map(|target| format!("README.md names `make {target}`, the Makefile has no such rule"))
        .collect()
}

/// Every test that the rows of the table name must stand in the file named before it.
fn check_tests(table: &str, source: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for row in table.lines().filter(|line| line.starts_with('|')) {
        let (mut file, mut text) = ("", None);
        let proofs = row.rsplit(" | ").next().unwrap_or_default();
        for word in proofs.split('`').skip(1).step_by(2) {
            if word.contains('.') {
                (file, text) = (word, source(word));
            } else if !text.as_ref().is_some_and(|text| text.contains(&format!("fn {word}("))) {
                findings.push(format!("docs/CONFORMANCE.md: there is no test `{word}` in `{file}`"));
            }
        }
    }
    findings
}

/// What follows `make ` inside code: in back-ticks, or at the start of a line of a code block.
fn make_targets(readme: &str) -> impl Iterator<Item = &str> {
    let mut in_block = false;
    readme.lines().flat_map(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        let code: Vec<&str> = match (fence, in_block) {
            (true, _) => Vec::new(),
            (false, true) => vec![line.trim_start().trim_start_matches("$ ")],
            (false, false) => line.split('`').skip(1).step_by(2).collect(),
        };
        code.into_iter().filter_map(|text| {
            let target = text.strip_prefix("make ")?.split_whitespace().next()?;
            target.starts_with(|c: char| c.is_ascii_lowercase()).then_some(target)
        })
    })
}

/// The files that people write and `wanted` names, sorted.
fn files(workspace: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in ["cluster-core", "src-tauri", "tests", "xtask", "node-image"] {
        collect(&workspace.join(folder), &mut found)?;
    }
    found.retain(|file| wanted(file));
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().with_context(|| format!("cannot stat {}", path.display()))?;
        if kind.is_file() {
            found.push(path);
        } else if kind.is_dir() && !matches!(name.to_str(), Some("target" | "generated" | "out" | "node_modules")) {
            collect(&path, found)?;
        }
    }
    Ok(())
}

/// The manifests of the layers.
fn manifests(workspace: &Path) -> Result<Vec<PathBuf>> {
    let core = workspace.join("cluster-core");
    files(workspace, |file| file.ends_with("Cargo.toml") && file.ancestors().nth(2) == Some(&core))
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn shown(workspace: &Path, file: &Path) -> String {
    file.strip_prefix(workspace).unwrap_or(file).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn very_long_files_are_refused() {
        let file = |lines: usize| "//! Owns lines.\n".to_owned() + &"\n".repeat(lines - 1);
        assert_eq!(check_source("a.rs", &file(800)), [""; 0]);
        assert_eq!(check_source("a.rs", &file(801)), ["a.rs has 801 lines, more than 800"]);
    }

    #[test]
    fn a_file_without_header_is_refused() {
        let expected = ["a.rs does not begin with `//!` and what the module owns"];
        assert_eq!(check_source("a.rs", "use std::fs;\n"), expected);
        assert_eq!(check_source("a.rs", ""), expected);
    }

    #[test]
    fn arrows_point_one_way() {
        let manifest = "[package]\nname = \"cluster-object\"\n[dependencies]\ncluster-schema.workspace = true\n\
            cluster-store = { path = \"../store\" }\n[dev-dependencies]\ncluster-client.workspace = true\n\
            [target.'cfg(unix)'.dependencies]\ncluster-pki.workspace = true\n";
        let expected = [
            "cluster-core/object must not depend on cluster-store",
            "cluster-core/object must not depend on cluster-pki",
        ];
        assert_eq!(check_arrows("object", manifest), expected);
        assert_eq!(check_arrows("apiserver", "[dependencies]\ncluster-store.workspace = true\n"), [""; 0]);
        assert_eq!(check_arrows("surprise", "").len(), 1);
    }

    #[test]
    fn the_arrows_have_no_cycle() {
        for (index, (layer, allowed)) in ARROWS.iter().enumerate() {
            let below: Vec<&str> = ARROWS[..index].iter().map(|(name, _)| *name).collect();
            for target in allowed.split_whitespace() {
                assert!(below.contains(&target), "{layer} -> {target} does not point down");
            }
        }
    }

    #[test]
    fn commands_of_the_readme_exist() {
        let readme = "Run `make up`, or make sense.\n\n```sh\n$ make test\nmake bench   # numbers\n```\n`make nothing` `make NAME=x up`\n";
        let makefile = ".PHONY: up\nX := 1\nup: build\n\tmake nothing: x\ntest bench:\n\techo\n";
        let expected = ["README.md names `make nothing`, the Makefile has no such rule"];
        assert_eq!(check_commands(readme, makefile), expected);
    }

    #[test]
    fn tests_that_prove_conformance_exist() {
        let table = "`x` is nothing\n| What | Tests |\n|---|---|\n| `log` | `a.rs` `one`, `two`; `b.rs` `one` |\n";
        let source = |file: &str| (file == "a.rs").then(|| "#[test]\nfn one() {}\nfn twofold() {}".to_owned());
        let expected = [
            "docs/CONFORMANCE.md: there is no test `two` in `a.rs`",
            "docs/CONFORMANCE.md: there is no test `one` in `b.rs`",
        ];
        assert_eq!(check_tests(table, source), expected);
    }

    #[test]
    fn this_workspace_keeps_its_arrows() {
        for manifest in manifests(&crate::workspace()).expect("manifests") {
            let layer = manifest.parent().and_then(Path::file_name).expect("a folder").to_string_lossy();
            assert_eq!(check_arrows(&layer, &read(&manifest).expect("a manifest")), [""; 0]);
        }
    }
}
